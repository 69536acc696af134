//! A random world written out as the files a job reads: audit log, reference tables, charges.

use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, Decimal128Array, RecordBatch, StringArray, TimestampNanosecondArray};
use arrow::datatypes::{DataType, Field, Schema};
use pecan::job::Job;
use pecan_core::event::{Action, AuditRecord, ListedAssignment, Space};
use pecan_core::money::D22;
use pecan_core::reference::{ExcludedKind, ProductMatch, Reference, Validity};
use pecan_core::rules::{CombineParties, Rules};
use pecan_core::time::{Day, Instant, RawInstant, Span};
use serde_json::json;

use super::sheets::{write_csv, write_parquet};
use crate::oracle::naive::OneCharge;
use crate::oracle::world::{Dice, World};

type Text = Option<String>;

/// The world with everything taken out that no Cost Management file can say.
pub fn writable(mut world: World) -> World {
    for charge in &mut world.charges {
        let product = &mut charge.product;
        product.excluded = product.excluded.filter(|kind| !matches!(kind, ExcludedKind::ThirdParty | ExcludedKind::Legacy));
        // ProductId holds both; a SKU without a product has no place.
        product.sku_id = product.sku_id.take().filter(|sku| !sku.is_empty() && product.product_id.is_some());
    }
    for path in world.inputs.records.iter_mut().filter_map(|r| r.path_scope.as_mut()) {
        // What stands before `/providers/…` is never empty: nothing is root.
        if path.bytes().all(|b| b == b'/') {
            *path = String::from("/");
        }
    }
    world
}

fn batch(columns: Vec<(&str, ArrayRef)>) -> RecordBatch {
    let fields: Vec<Field> = columns.iter().map(|(name, c)| Field::new(*name, c.data_type().clone(), true)).collect();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns.into_iter().map(|(_, c)| c).collect()).expect("columns of one length")
}

fn texts(values: impl IntoIterator<Item = Text>) -> ArrayRef {
    Arc::new(values.into_iter().collect::<StringArray>())
}

/// A table of text columns, from one row of cells each.
fn table(names: &[&'static str], rows: Vec<Vec<Text>>) -> RecordBatch {
    batch(names.iter().enumerate().map(|(at, name)| (*name, texts(rows.iter().map(|row| row[at].clone())))).collect())
}

/// Nanoseconds as RFC 3339.
fn instant(at: RawInstant) -> Text {
    let (seconds, fraction) = (at.0.div_euclid(1_000_000_000), at.0.rem_euclid(1_000_000_000));
    let (day, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let day = Day(i32::try_from(day).expect("a day of this century"));
    Some(format!("{day}T{:02}:{:02}:{:02}.{fraction:09}Z", second / 3600, second / 60 % 60, second % 60))
}

/// `from` and `until`; a span of which nothing is left in microseconds is written in nanoseconds.
fn span(span: Option<Span>) -> [Text; 2] {
    let written = |at: Instant, open: Instant| if at == open { None } else { instant(at.raw()) };
    match span {
        Some(span) => [written(span.from, Instant::MIN), written(span.until, Instant::MAX)],
        None => [Some(String::from("2026-09-02T00:00:00.000000100Z")), Some(String::from("2026-09-02T00:00:00.000000200Z"))],
    }
}

fn days(valid: Validity) -> [Text; 2] {
    [(valid.from != Day::MIN).then(|| valid.from.to_string()), (valid.until != Day::MAX).then(|| valid.until.to_string())]
}

/// meter_id and product_id.
fn matches(matches: &ProductMatch) -> [Text; 2] {
    match matches {
        ProductMatch::Meter(id) => [Some(id.clone()), None],
        ProductMatch::Product(id) => [None, Some(id.clone())],
        ProductMatch::Nothing => [None, None],
    }
}

fn row(cells: impl IntoIterator<Item = Text>) -> Vec<Text> {
    cells.into_iter().collect()
}

/// Every reference table with its rows.
fn reference_tables(reference: &Reference) -> Vec<(&'static str, RecordBatch)> {
    let some = |text: &str| Some(String::from(text));
    let (mut tables, list_names) =
        (Vec::new(), ["snapshot_at", "snapshot_scope", "id", "principal_id", "role_definition_id", "definition_id", "scope", "created_on"]);
    for (name, space) in [("assignments", Space::Role), ("lighthouse_assignments", Space::Registration)] {
        let cells = |l: &ListedAssignment| {
            let scope = l.assignment_id.as_ref().map(|_| l.scope.clone());
            row([
                instant(l.snapshot_at),
                l.snapshot_scope.clone(),
                l.assignment_id.clone(),
                l.principal_id.clone(),
                l.role_definition_id.clone(),
                l.definition_id.clone(),
                scope,
                l.created_on.and_then(instant),
            ])
        };
        tables.push((name, table(&list_names, reference.listed.iter().filter(|l| l.space == space).map(cells).collect())));
    }
    let rows = reference.partners.iter().map(|p| row([some(&p.mpn_id), some(&p.organisation_id), p.tenant_id.clone()].into_iter().chain(span(p.agreement))));
    tables.push(("partners", table(&["mpn_id", "organisation_id", "tenant_id", "agreement_from", "agreement_until"], rows.collect())));
    let rows = reference.principals.iter().map(|p| row([some(&p.principal_id), some(&p.mpn_id), some(p.channel.word())].into_iter().chain(span(p.linked))));
    tables.push(("principals", table(&["principal_id", "mpn_id", "channel", "linked_from", "linked_until"], rows.collect())));
    let rows = reference.members.iter().map(|m| row([some(&m.group_id), some(&m.member_id)].into_iter().chain(span(m.member))));
    tables.push(("group_members", table(&["group_id", "member_id", "member_from", "member_until"], rows.collect())));
    let rows = reference
        .authorizations
        .iter()
        .map(|a| row([some(&a.definition_id), some(&a.principal_id), some(&a.role_definition_id)].into_iter().chain(span(a.valid))));
    tables.push(("lighthouse_definitions", table(&["definition_id", "principal_id", "role_definition_id", "valid_from", "valid_until"], rows.collect())));
    let rows = reference
        .roles
        .iter()
        .map(|r| row([some(&r.role_definition_id), r.role_name.clone(), some(if r.earns { "Yes" } else { "false" })].into_iter().chain(days(r.valid))));
    tables.push(("roles", table(&["role_definition_id", "role_name", "earns", "valid_from", "valid_until"], rows.collect())));
    let rows = reference.rates.iter().map(|r| row(matches(&r.matches).into_iter().chain([Some(r.rate.to_string())]).chain(days(r.valid))));
    tables.push(("rates", table(&["meter_id", "product_id", "rate", "valid_from", "valid_until"], rows.collect())));
    let rows = reference.products.iter().map(|p| row(matches(&p.matches).into_iter().chain([some(p.kind.word())]).chain(days(p.valid))));
    tables.push(("products", table(&["meter_id", "product_id", "kind", "valid_from", "valid_until"], rows.collect())));
    let rows = reference.management_groups.iter().map(|m| row([some(&m.management_group_id), some(&m.subscription_id)]));
    tables.push(("management_groups", table(&["management_group_id", "subscription_id"], rows.collect())));
    tables
}

/// The columns of AzureActivity that say what a record of the world says.
fn audit_table(records: &[&AuditRecord], others: &[RawInstant]) -> RecordBatch {
    let kind = |space: Space| match space {
        Space::Role => "Microsoft.Authorization/roleAssignments",
        Space::Registration => "Microsoft.ManagedServices/registrationAssignments",
    };
    let verb = |action: Action| if action == Action::Write { "write" } else { "delete" };
    let path = |r: &AuditRecord| {
        let scope = r.path_scope.as_deref().unwrap_or("/").trim_end_matches('/');
        r.assignment_id.as_ref().map(|id| format!("{scope}/providers/{}/{}", kind(r.space), id.to_uppercase()))
    };
    let other = |text: &str| others.iter().map(|_| Some(String::from(text))).collect::<Vec<_>>();
    let column = |of: &dyn Fn(&AuditRecord) -> Text, of_others: &str| texts(records.iter().map(|r| of(r)).chain(other(of_others)));
    let nanos = |at: RawInstant| i64::try_from(at.0).expect("an instant of this century");
    let times = records.iter().map(|r| nanos(r.time)).chain(others.iter().map(|at| nanos(*at)));
    batch(vec![
        ("TimeGenerated", Arc::new(TimestampNanosecondArray::from_iter_values(times).with_timezone("UTC"))),
        (
            "OperationNameValue",
            column(&|r| Some(format!("{}/{}", kind(r.space).to_uppercase(), verb(r.action))), "Microsoft.Compute/virtualMachines/start/action"),
        ),
        ("ActivityStatusValue", column(&|r| Some(String::from(if r.proves { "Success" } else { "Start" })), "Success")),
        ("CorrelationId", column(&|r| Some(r.correlation_id.clone()), "other")),
        ("EventDataId", column(&|r| Some(r.event_data_id.clone()), "other")),
        ("_ResourceId", column(&path, "/subscriptions/s-1")),
        ("Properties", column(&|r| Some(properties(r)), "{}")),
    ])
}

/// A record without a body has properties without a request body.
fn properties(record: &AuditRecord) -> String {
    let Some(body) = &record.body else { return String::from("{\"eventCategory\":\"Administrative\"}") };
    let role = body.role_definition_id.as_ref().map(|id| format!("/providers/Microsoft.Authorization/roleDefinitions/{id}"));
    let inner = json!({"PrincipalId": body.principal_id, "RoleDefinitionId": role, "RegistrationDefinitionId": body.definition_id, "Scope": body.scope});
    json!({"requestbody": json!({"Properties": inner}).to_string()}).to_string()
}

fn numbers(charges: &[OneCharge], of: impl Fn(&OneCharge) -> Option<D22>) -> ArrayRef {
    let column = charges.iter().map(|c| of(c).map(|n| n.0)).collect::<Decimal128Array>();
    Arc::new(column.with_data_type(DataType::Decimal128(38, 22)))
}

/// The charges as a Cost Management export writes them.
fn charge_table(charges: &[OneCharge]) -> RecordBatch {
    let column = |of: &dyn Fn(&OneCharge) -> Text| texts(charges.iter().map(of));
    let model = |c: &OneCharge| match c.product.excluded {
        Some(ExcludedKind::Reservation) => "Reservation",
        Some(ExcludedKind::SavingsPlan) => "SavingsPlan",
        Some(ExcludedKind::Spot) => "Spot",
        _ => "OnDemand",
    };
    let marketplace = |c: &OneCharge| c.product.excluded == Some(ExcludedKind::Marketplace);
    let product = |c: &OneCharge| c.product.product_id.as_ref().map(|id| format!("{id}{}", c.product.sku_id.as_deref().unwrap_or_default()));
    let numbers = |of: &dyn Fn(&OneCharge) -> Option<D22>| numbers(charges, of);
    batch(vec![
        ("date", column(&|c| Some(c.usage_date.to_string()))),
        ("SubscriptionId", column(&|c| c.subscription_id.clone())),
        ("resourceGroupName", column(&|c| c.resource_group.clone())),
        ("ResourceId", column(&|c| c.resource_id.clone())),
        ("meterId", column(&|c| c.product.meter_id.clone())),
        ("ProductId", column(&product)),
        ("customerTenantId", column(&|c| c.partner_tenant_id.as_ref().map(|_| String::from("customer")))),
        ("partnerTenantId", column(&|c| c.partner_tenant_id.clone())),
        ("resellerMpnId", column(&|c| c.reseller_mpn_id.clone())),
        ("quantity", numbers(&|c| c.numbers.quantity)),
        ("PayGPrice", numbers(&|c| c.numbers.list_unit_price)),
        ("costInPricingCurrency", numbers(&|c| c.numbers.net_cost)),
        ("exchangeRatePricingToBilling", numbers(&|c| c.numbers.exchange_rate)),
        ("partnerEarnedCreditRate", numbers(&|c| c.numbers.stated_rate)),
        ("partnerEarnedCreditApplied", column(&|c| c.numbers.applied.map(|a| String::from(if a { "TRUE" } else { "no" })))),
        // An empty exchange rate between equal currencies would be read as 1.
        ("pricingCurrency", column(&|_| Some(String::from("USD")))),
        ("billingCurrency", column(&|_| Some(String::from("EUR")))),
        ("chargeType", column(&|c| Some(String::from(if c.product.usage { " usage" } else { "Purchase" })))),
        ("pricingModel", column(&|c| Some(String::from(model(c))))),
        ("publisherType", column(&|c| Some(String::from(if marketplace(c) { "Marketplace" } else { "Azure" })))),
    ])
}

/// Where a charge of the world stands: file and row.
pub fn place_of(charge: usize, split: usize) -> (&'static str, usize) {
    if charge < split { ("a.parquet", charge + 1) } else { ("b.csv", charge - split + 1) }
}

/// Writes the audit log and the reference tables of a world below a folder, and gives the job that reads them and `charges/`.
pub fn write_known(world: &World, folder: &Path, format: &str, dice: &mut Dice) -> Job {
    let inputs = &world.inputs;
    let files = inputs.records.iter().map(|r| r.place.file + 1).max().unwrap_or(1);
    for file in 0..files {
        let mut records: Vec<&AuditRecord> = inputs.records.iter().filter(|r| r.place.file == file).collect();
        records.sort_by_key(|r| r.place.row);
        let others: Vec<RawInstant> = inputs.first_record.into_iter().chain(inputs.newest_record).filter(|_| file == 0).collect();
        write_parquet(&folder.join(format!("audit/{file}.parquet")), &audit_table(&records, &others), 3);
    }
    let mut text = String::from(
        "name = \"world\"\n[charges]\nuri = \"charges/\"\nformat = \"cost-management\"\nlayout = \"files\"\n[audit]\nuri = \"audit/\"\nformat = \"azure-activity\"\n[reference]\n",
    );
    for (name, rows) in reference_tables(&inputs.reference) {
        let kind = if dice.below(2) == 0 { "csv" } else { "parquet" };
        let path = format!("reference/{name}.{kind}");
        match kind {
            "csv" => write_csv(&folder.join(&path), &rows),
            _ => write_parquet(&folder.join(&path), &rows, 2),
        }
        text += &format!("{name} = \"{path}\"\n");
    }
    text += &format!("[output]\nuri = \"out/\"\nformat = \"{format}\"\n[limits]\nrejections = \"100%\"\n");
    let mut job = Job::parse(&folder.join("world.toml"), &text, &[], &|_| None).unwrap_or_else(|e| panic!("{e}"));
    job.cutoff = inputs.cutoff;
    job.rules = inputs.rules.clone();
    job
}

/// Writes charges as one file of tiny row groups, or as CSV.
pub fn write_charges(charges: &[OneCharge], path: &Path) {
    match path.extension().and_then(|x| x.to_str()) {
        Some("csv") => write_csv(path, &charge_table(charges)),
        _ => write_parquet(path, &charge_table(charges), 2),
    }
}

/// Writes the world below a folder and gives the job that reads it. The charges before `split` stand in a Parquet file of
/// tiny row groups, the others in a CSV file.
pub fn write(world: &World, folder: &Path, split: usize, format: &str, dice: &mut Dice) -> Job {
    let job = write_known(world, folder, format, dice);
    write_charges(&world.charges[..split], &folder.join("charges/a.parquet"));
    write_charges(&world.charges[split..], &folder.join("charges/b.csv"));
    job
}

/// Each switch as it is by default, or not.
pub fn other_rules(dice: &mut Dice) -> Rules {
    Rules {
        gap_tolerance_seconds: if dice.below(2) == 0 { 900 } else { 0 },
        day_offset_minutes: if dice.below(3) == 0 { 60 } else { 0 },
        combine_parties: if dice.below(3) == 0 { CombineParties::Union } else { CombineParties::Each },
        unknown_roles: dice.below(3) == 0,
        inherit_management_groups: dice.below(3) != 0,
        ..Rules::default()
    }
}
