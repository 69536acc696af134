mod az;

use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, Date32Array, Decimal128Array, Int64Array, RecordBatch, StringArray, TimestampNanosecondArray};
use parquet::arrow::ArrowWriter;
use pecan_core::charge::Reason;
use pecan_core::money::{D22, ONE};
use pecan_core::reference::{Channel, ExcludedKind, ProductMatch, Reference};
use pecan_core::time::{Instant, parse_day, parse_instant};

use super::*;

const AT: &str = "2026-10-31T06:00:00Z";

/// A folder with reference files and the job's list of them.
struct Folder {
    dir: tempfile::TempDir,
    pub sources: Sources,
}

impl Folder {
    pub fn new() -> Folder {
        Folder { dir: tempfile::tempdir().unwrap(), sources: Sources::default() }
    }

    pub fn path(&self, name: &str) -> std::path::PathBuf {
        self.dir.path().join(name)
    }

    pub fn with(mut self, table: &'static str, name: &str, content: impl AsRef<[u8]>) -> Folder {
        std::fs::write(self.path(name), content).unwrap();
        self.enter(table, name, None, None);
        self
    }

    pub fn with_list(mut self, name: &str, content: &str, scope: Option<&str>) -> Folder {
        std::fs::write(self.path(name), content).unwrap();
        self.enter("assignments", name, parse_instant(AT), scope);
        self
    }

    pub fn enter(&mut self, table: &'static str, name: &str, snapshot_at: Option<pecan_core::time::RawInstant>, scope: Option<&str>) {
        let uri = self.path(name).display().to_string();
        let file = ReferenceFile { table, uri, uri_as_written: format!("ref/{name}"), snapshot_at, snapshot_scope: scope.map(str::to_string), pattern: None };
        let sources = &mut self.sources;
        let list = match table {
            "assignments" => &mut sources.assignments,
            "partners" => &mut sources.partners,
            "principals" => &mut sources.principals,
            "group_members" => &mut sources.group_members,
            "lighthouse_definitions" => &mut sources.lighthouse_definitions,
            "lighthouse_assignments" => &mut sources.lighthouse_assignments,
            "roles" => &mut sources.roles,
            "rates" => &mut sources.rates,
            "products" => &mut sources.products,
            _ => &mut sources.management_groups,
        };
        list.push(file);
    }

    pub fn read(&self) -> Result<(ReferenceInput, FilesRead)> {
        let mut files = FilesRead::default();
        Ok((read_tables(&self.sources, &mut files)?, files))
    }
}

/// Row, column, reason and value of a rejection.
type Rejected = (Option<i64>, Option<String>, Reason, Option<String>);

fn read_one(table: &'static str, csv: &str) -> (Reference, Vec<Rejected>) {
    let (input, _) = Folder::new().with(table, "t.csv", csv).read().unwrap();
    let rejected = input.rejections.into_iter().map(|r| (r.row, r.column, r.reason, r.value)).collect();
    (input.reference, rejected)
}

fn fault(row: i64, column: &str, reason: Reason, value: &str) -> Rejected {
    (Some(row), Some(column.to_string()), reason, Some(value.to_string()).filter(|v| !v.is_empty()))
}

fn exit_code(folder: &Folder) -> Option<u8> {
    folder.read().err().map(|e| e.exit_code())
}

#[test]
fn partners_and_their_faults() {
    let csv = "MPN_ID,organisation_id,tenant_id,agreement_from,agreement_until,note\n\
        111,Org-A,T-1,2026-01-01,,\n\
        /x/222 ,Org-B,00000000-0000-0000-0000-000000000000,NULL,NULL,\n\
        NULL,Org-C,,,,\n\
        333,,,,,\n\
        444,Org-D,,2026-01-02,2026-01-02,\n\
        555,Org-E,,yesterday,,\n\
        666,Org-F\n\
        777,Org-G,,2026-01-01T00:00:00.0000001Z,2026-01-01T00:00:00.0000002Z,\n";
    let (reference, rejected) = read_one("partners", csv);
    let partners: Vec<(&str, &str, Option<&str>)> =
        reference.partners.iter().map(|p| (p.mpn_id.as_str(), p.organisation_id.as_str(), p.tenant_id.as_deref())).collect();
    assert_eq!(partners, [("111", "Org-A", Some("t-1")), ("222", "Org-B", None), ("777", "Org-G", None)]);
    assert_eq!(reference.partners[0].agreement.map(|s| (s.from, s.until)), Some((parse_instant("2026-01-01").unwrap().up(), Instant::MAX)));
    assert_eq!(reference.partners[2].agreement, None);
    assert_eq!(
        rejected,
        [
            fault(3, "mpn_id", Reason::Missing, ""),
            fault(4, "organisation_id", Reason::Missing, ""),
            fault(5, "agreement_until", Reason::BadSpan, "2026-01-02"),
            fault(6, "agreement_from", Reason::NotADate, "yesterday"),
            (Some(7), None, Reason::Ragged, Some("666,Org-F".into())),
        ]
    );
}

#[test]
fn principals_members_and_definitions() {
    let (reference, rejected) =
        read_one("principals", "principal_id,mpn_id,channel,linked_from,linked_until\nP-1,111,PAL,2026-09-01T02:00:00+02:00,\nP-2,111,rdp,,\nP-3,111,,,\n");
    assert_eq!((reference.principals[0].principal_id.as_str(), reference.principals[0].channel), ("p-1", Channel::Pal));
    assert_eq!(reference.principals[0].linked.map(|s| s.from), parse_instant("2026-09-01").map(|i| i.up()));
    assert_eq!(rejected, [fault(2, "channel", Reason::UnknownWord, "rdp"), fault(3, "channel", Reason::Missing, "")]);
    let (reference, rejected) = read_one("group_members", "group_id,member_id,member_from,member_until\nG,M,,\nG,,,\n");
    assert_eq!((reference.members[0].group_id.as_str(), rejected), ("g", vec![fault(2, "member_id", Reason::Missing, "")]));
    let (reference, rejected) = read_one(
        "lighthouse_definitions",
        "definition_id,principal_id,role_definition_id,valid_from,valid_until\n/a/b/D,P,/x/R,2026-01-01,2026-02-01\nD,P,R,2026-02-01,2026-01-01\n",
    );
    assert_eq!((reference.authorizations[0].definition_id.as_str(), reference.authorizations[0].role_definition_id.as_str()), ("d", "r"));
    assert_eq!(rejected, [fault(2, "valid_until", Reason::BadSpan, "2026-01-01")]);
}

#[test]
fn roles_rates_products_and_management_groups() {
    let (reference, rejected) =
        read_one("roles", "role_definition_id,role_name,earns,valid_from,valid_until\n/x/R1,Owner,Yes,1/1/2026,\nR2,,perhaps,,\nR3,,,,\n");
    let role = &reference.roles[0];
    assert_eq!(
        (role.role_definition_id.as_str(), role.role_name.as_deref(), role.earns, Some(role.valid.from)),
        ("r1", Some("Owner"), true, parse_day("2026-01-01"))
    );
    assert_eq!(rejected, [fault(2, "earns", Reason::UnknownWord, "perhaps"), fault(3, "earns", Reason::Missing, "")]);
    let (reference, rejected) = read_one(
        "rates",
        "meter_id,product_id,rate,valid_from,valid_until\nM,P,15%,,\n,DZH318Z0BQ35,0,,\nNULL,,0.15,,\nM,,120,,\nM,,much,,\nM,,,,\nM,,1,2026-01-02,2026-01-01\n",
    );
    let rates: Vec<(&ProductMatch, D22)> = reference.rates.iter().map(|r| (&r.matches, r.rate)).collect();
    let fifteen = D22(ONE.0 / 100 * 15);
    assert_eq!(
        rates,
        [(&ProductMatch::Meter("m".into()), fifteen), (&ProductMatch::Product("dzh318z0bq35".into()), D22(0)), (&ProductMatch::Nothing, fifteen)]
    );
    assert_eq!(
        rejected,
        [
            fault(4, "rate", Reason::OutOfRange, "120"),
            fault(5, "rate", Reason::NotANumber, "much"),
            fault(6, "rate", Reason::Missing, ""),
            fault(7, "valid_until", Reason::BadSpan, "2026-01-01")
        ]
    );
    let (reference, rejected) = read_one("products", "product_id,kind,valid_from,valid_until\nP,Third Party,,\nP,free,,\n");
    assert_eq!((reference.products[0].kind, rejected), (ExcludedKind::ThirdParty, vec![fault(2, "kind", Reason::UnknownWord, "free")]));
    let (reference, rejected) = read_one(
        "management_groups",
        "management_group_id,subscription_id\n/,S-1\n/providers/Microsoft.Management/managementGroups/MG,/subscriptions/S-2\n,S\nMG,\n",
    );
    let groups: Vec<(&str, &str)> = reference.management_groups.iter().map(|g| (g.management_group_id.as_str(), g.subscription_id.as_str())).collect();
    assert_eq!(groups, [("/", "s-1"), ("mg", "s-2")]);
    assert_eq!(rejected, [fault(3, "management_group_id", Reason::Missing, ""), fault(4, "subscription_id", Reason::Missing, "")]);
}

const HEADER: &str = "snapshot_at,snapshot_scope,id,principal_id,principal_type,role_definition_id,scope,created_on\n";

#[test]
fn lists_of_assignments_and_their_faults() {
    let csv = format!(
        "{HEADER}{AT},,/subscriptions/S/providers/Microsoft.Authorization/roleAssignments/A,P,User,/x/R,/subscriptions/S,2026-01-01\n\
        {AT},/subscriptions/T,,,,,,\n\
        ,,A,P,User,R,/subscriptions/S,\n\
        soon,,A,P,User,R,/subscriptions/S,\n\
        {AT},S,A,P,User,R,/subscriptions/S,\n\
        {AT},,A,,User,R,/subscriptions/S,\n\
        {AT},,A,P,User,R,,\n\
        {AT},,A,P,User,R,subscription-s,\n\
        {AT},,A,P,User,R,/,never\n"
    );
    let (reference, rejected) = read_one("assignments", &csv);
    let listed: Vec<(Option<&str>, Option<&str>, &str)> =
        reference.listed.iter().map(|l| (l.assignment_id.as_deref(), l.snapshot_scope.as_deref(), l.scope.as_str())).collect();
    assert_eq!(listed, [(Some("a"), None, "/subscriptions/S"), (None, Some("/subscriptions/T"), "")]);
    let first = &reference.listed[0];
    assert_eq!((first.principal_id.as_deref(), first.role_definition_id.as_deref(), first.created_on), (Some("p"), Some("r"), parse_instant("2026-01-01")));
    assert_eq!((first.place.row, Some(first.snapshot_at)), (1, parse_instant(AT)));
    assert_eq!(
        rejected,
        [
            fault(3, "snapshot_at", Reason::Missing, ""),
            fault(4, "snapshot_at", Reason::NotADate, "soon"),
            fault(5, "snapshot_scope", Reason::BadReference, "S"),
            fault(6, "principal_id", Reason::Missing, ""),
            fault(7, "scope", Reason::Missing, ""),
            fault(8, "scope", Reason::BadReference, "subscription-s"),
            fault(9, "created_on", Reason::NotADate, "never"),
        ]
    );
    let (reference, rejected) = read_one(
        "lighthouse_assignments",
        &format!("snapshot_at,id,scope,definition_id,created_on\n{AT},N,/subscriptions/S,/d/D,\n{AT},N,/subscriptions/S,,\n"),
    );
    assert_eq!((reference.listed[0].definition_id.as_deref(), reference.listed[0].space), (Some("d"), Space::Registration));
    assert_eq!(rejected, [fault(2, "definition_id", Reason::Missing, "")]);
}

#[test]
fn a_stamp_of_the_job_file_stands_for_what_rows_leave_out() {
    let csv = "id,principal_id,role_definition_id,scope,created_on\nA,P,R,/subscriptions/S,\n";
    let (input, _) = Folder::new().with_list("a.csv", csv, Some("/subscriptions/S")).read().unwrap();
    assert_eq!(
        (Some(input.reference.listed[0].snapshot_at), input.reference.listed[0].snapshot_scope.as_deref()),
        (parse_instant(AT), Some("/subscriptions/S"))
    );
    assert_eq!(exit_code(&Folder::new().with("assignments", "a.csv", csv)), Some(3));
}

#[test]
fn missing_and_double_columns_name_file_column_and_format() {
    for (table, header, lost) in [
        ("partners", "mpn_id,tenant_id,agreement_from,agreement_until", "organisation_id"),
        ("principals", "principal_id,mpn_id,channel,linked_from", "linked_until"),
        ("rates", "rate,valid_from,valid_until", "`meter_id` or `product_id`"),
        ("assignments", "snapshot_at,id,principal_id,role_definition_id,scope", "created_on"),
        ("management_groups", "management_group_id,subscription_id,Subscription_ID", "`subscription_id` and `Subscription_ID`"),
    ] {
        let error = Folder::new().with(table, "t.csv", format!("{header}\n")).read().unwrap_err();
        let text = error.to_string();
        assert!(error.exit_code() == 3 && text.contains(lost) && text.contains("ref/t.csv") && text.contains(table), "{text}");
    }
}

#[test]
fn files_are_read_in_the_order_written_and_globs_by_name() {
    let mut folder = Folder::new();
    let header = "management_group_id,subscription_id\n";
    for name in ["m-b.csv", "m-a.csv"] {
        std::fs::write(folder.path(name), format!("{header}MG,{name}\n,\n")).unwrap();
    }
    folder.enter("management_groups", "m-*.csv", None, None);
    let (input, files) = folder.read().unwrap();
    let read: Vec<&str> = input.reference.management_groups.iter().map(|g| g.subscription_id.as_str()).collect();
    assert_eq!(read, ["m-a.csv", "m-b.csv"]);
    assert_eq!(input.rejections.iter().map(|r| r.file.as_str()).collect::<Vec<_>>(), ["ref/m-a.csv", "ref/m-b.csv"]);
    assert_eq!(files.files.iter().map(|f| f.rows).collect::<Vec<_>>(), [2, 2]);
}

fn parquet(path: &Path, columns: Vec<(&str, ArrayRef)>) {
    let batch = RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(n, c)| (n, c, true))).unwrap();
    let mut writer = ArrowWriter::try_new(std::fs::File::create(path).unwrap(), batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
}

#[test]
fn parquet_gives_the_same_rows() {
    let mut folder = Folder::new();
    let day = parse_day("2026-09-01").unwrap().0;
    let roles: Vec<(&str, ArrayRef)> = vec![
        ("ROLE_DEFINITION_ID", Arc::new(StringArray::from(vec![Some("R"), Some("NULL"), None]))),
        ("earns", Arc::new(BooleanArray::from(vec![Some(true), Some(false), Some(true)]))),
        ("valid_from", Arc::new(Date32Array::from(vec![Some(day), None, None]))),
        ("valid_until", Arc::new(StringArray::from(vec![None::<&str>; 3]))),
    ];
    parquet(&folder.path("r.parquet"), roles);
    folder.enter("roles", "r.parquet", None, None);
    let nanos = i64::from(day) * 86_400_000_000_000 + 1;
    let partners: Vec<(&str, ArrayRef)> = vec![
        ("mpn_id", Arc::new(Int64Array::from(vec![111]))),
        ("organisation_id", Arc::new(StringArray::from(vec!["A"]))),
        ("tenant_id", Arc::new(StringArray::from(vec![""]))),
        ("agreement_from", Arc::new(TimestampNanosecondArray::from(vec![nanos]).with_timezone("UTC"))),
        ("agreement_until", Arc::new(StringArray::from(vec!["9/2/2026"]))),
    ];
    parquet(&folder.path("p.parquet"), partners);
    folder.enter("partners", "p.parquet", None, None);
    let rates: Vec<(&str, ArrayRef)> = vec![
        ("meter_id", Arc::new(StringArray::from(vec!["M"]))),
        ("rate", Arc::new(Decimal128Array::from(vec![15]).with_precision_and_scale(5, 2).unwrap())),
        ("valid_from", Arc::new(Date32Array::from(vec![None]))),
        ("valid_until", Arc::new(Date32Array::from(vec![None]))),
    ];
    parquet(&folder.path("x.parquet"), rates);
    folder.enter("rates", "x.parquet", None, None);
    let (input, _) = folder.read().unwrap();
    let roles: Vec<(&str, bool)> = input.reference.roles.iter().map(|r| (r.role_definition_id.as_str(), r.earns)).collect();
    assert_eq!(roles, [("r", true), ("null", false)], "NULL is a word of CSV only");
    assert_eq!(input.rejections.iter().map(|r| (r.row, r.reason)).collect::<Vec<_>>(), [(Some(3), Reason::Missing)]);
    let partner = &input.reference.partners[0];
    assert_eq!((partner.mpn_id.as_str(), partner.agreement.map(|s| s.from.0)), ("111", Some(i64::from(day) * 86_400_000_000 + 1)));
    assert_eq!(input.reference.rates[0].rate, D22(ONE.0 / 100 * 15));
    std::fs::write(folder.path("p.parquet"), "PAR1 but damaged PAR1").unwrap();
    assert_eq!(exit_code(&folder), Some(3));
}
