//! The reference tables of the ready form, as CSV.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::PathBuf;

use crate::access::{CONTRIBUTOR, DELEGATES, Gives, READER};
use crate::activity;
use crate::calendar::{self, midnight};
use crate::catalog::{self, REGIONS};
use crate::error::{Error, Result};
use crate::ids::{meter_id, product_id, tenant};
use crate::names::{BYSTANDER, FORMER, PROVIDER, RESELLERS};
use crate::options::Options;
use crate::plan::Plan;
use crate::world::World;

/// One table. No value here holds a comma, a quote or a line break.
struct Table {
    path: PathBuf,
    file: BufWriter<File>,
}

impl Table {
    fn create(options: &Options, name: &str, header: &str) -> Result<Table> {
        let path = options.folder.join("reference").join(format!("{name}.csv"));
        let file = BufWriter::new(File::create(&path).map_err(Error::io(&path))?);
        let mut table = Table { path, file };
        table.row(&[header])?;
        Ok(table)
    }

    fn row(&mut self, fields: &[&str]) -> Result<()> {
        writeln!(self.file, "{}", fields.join(",")).map_err(Error::io(&self.path))
    }

    fn close(mut self) -> Result<()> {
        self.file.flush().map_err(Error::io(&self.path))
    }
}

/// Writes `reference/`.
/// # Errors
/// If a file cannot be written.
pub(crate) fn write(world: &World, plan: &Plan, options: &Options) -> Result<()> {
    let folder = options.folder.join("reference");
    fs::create_dir_all(&folder).map_err(Error::io(&folder))?;
    assignments(world, plan, options)?;
    lighthouse(world, plan, options)?;
    partners(world, plan, options)?;
    products(world, options)
}

/// Both lists, each complete.
fn assignments(world: &World, plan: &Plan, options: &Options) -> Result<()> {
    let mut table = Table::create(options, "assignments", "snapshot_at,id,principal_id,principal_type,role_definition_id,scope,created_on")?;
    for at in world.lists() {
        let stamp = calendar::stamp(at);
        for holding in plan.holdings.iter().filter(|h| h.holds_at(at)) {
            if let Gives::Role(role) = holding.gives {
                let created = created_on(holding.from);
                table.row(&[&stamp, &holding.id, &holding.principal, holding.principal_kind, role.id, &holding.scope, &created])?;
            }
        }
    }
    table.close()
}

/// An assignment is created a moment before its success record says so.
pub(crate) fn created_on(from: i64) -> String {
    calendar::long_stamp(from - 1, 7_654_321)
}

fn lighthouse(world: &World, plan: &Plan, options: &Options) -> Result<()> {
    let definition = activity::definition(world);
    let mut table = Table::create(options, "lighthouse_definitions", "definition_id,principal_id,role_definition_id,valid_from,valid_until")?;
    for role in [CONTRIBUTOR, READER] {
        table.row(&[&definition, &plan.principals[DELEGATES].id, role.id, "", ""])?;
    }
    table.close()?;
    let mut table = Table::create(options, "lighthouse_assignments", "snapshot_at,id,scope,definition_id,created_on")?;
    for at in world.lists() {
        let stamp = calendar::stamp(at);
        for holding in plan.holdings.iter().filter(|h| h.gives == Gives::Delegation && h.holds_at(at)) {
            table.row(&[&stamp, &holding.id, &holding.scope, &definition, &created_on(holding.from)])?;
        }
    }
    table.close()
}

fn partners(world: &World, plan: &Plan, options: &Options) -> Result<()> {
    let mut table = Table::create(options, "partners", "mpn_id,organisation_id,tenant_id,agreement_from,agreement_until")?;
    let former_until = plan.former_until.map(|day| calendar::stamp(midnight(day))).unwrap_or_default();
    for partner in [&PROVIDER, &FORMER, &RESELLERS[0], &RESELLERS[1], &BYSTANDER] {
        let until = if partner.mpn == FORMER.mpn { former_until.as_str() } else { "" };
        table.row(&[partner.mpn, partner.organisation, &tenant(world, partner), "2018-07-01", until])?;
    }
    table.close()?;
    let mut table = Table::create(options, "principals", "principal_id,mpn_id,channel,linked_from,linked_until")?;
    for principal in &plan.principals {
        if let Some(link) = &principal.link {
            let until = link.until.map(calendar::stamp).unwrap_or_default();
            table.row(&[&principal.id, link.partner.mpn, link.channel, "", &until])?;
        }
    }
    table.close()
}

/// Products that earn nothing though no export says so, and a meter whose rate is 0.
fn products(world: &World, options: &Options) -> Result<()> {
    let meter = |meter: u16, region: usize| meter_id(world, meter, region as u8);
    let mut table = Table::create(options, "products", "product_id,meter_id,kind,valid_from,valid_until")?;
    table.row(&[&product_id(world, catalog::THIRD_PARTY, 0)[..12], "", "third_party", "", ""])?;
    for region in 0..REGIONS.len() {
        table.row(&["", &meter(catalog::LEGACY, region), "legacy", "", ""])?;
    }
    table.close()?;
    let mut table = Table::create(options, "rates", "meter_id,product_id,rate,valid_from,valid_until")?;
    for region in 0..REGIONS.len() {
        table.row(&[&meter(catalog::RATE_ZERO, region), "", "0", "", ""])?;
    }
    table.close()
}
