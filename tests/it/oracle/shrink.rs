//! From a world that differs to the smallest part of it that still does, and how to show it.

use super::compare::nanos;
use super::world::World;

/// One way to leave something out of a world.
type Cut = fn(&mut World, usize) -> bool;

fn drop_at<T>(rows: &mut Vec<T>, at: usize) -> bool {
    let there = at < rows.len();
    if there {
        rows.remove(at);
    }
    there
}

const CUTS: [Cut; 11] = [
    |w, at| drop_at(&mut w.charges, at),
    |w, at| drop_at(&mut w.inputs.records, at),
    |w, at| drop_at(&mut w.inputs.reference.listed, at),
    |w, at| drop_at(&mut w.inputs.reference.partners, at),
    |w, at| drop_at(&mut w.inputs.reference.principals, at),
    |w, at| drop_at(&mut w.inputs.reference.members, at),
    |w, at| drop_at(&mut w.inputs.reference.authorizations, at),
    |w, at| drop_at(&mut w.inputs.reference.roles, at),
    |w, at| drop_at(&mut w.inputs.reference.rates, at),
    |w, at| drop_at(&mut w.inputs.reference.products, at),
    |w, at| drop_at(&mut w.inputs.reference.management_groups, at),
];

/// Leaves out whatever can be left out while `differs` still holds.
pub fn shrink(mut world: World, differs: impl Fn(&World) -> bool) -> World {
    loop {
        let mut smaller = false;
        for cut in CUTS {
            let mut at = 0;
            loop {
                let mut less = world.clone();
                if !cut(&mut less, at) {
                    break;
                }
                if differs(&less) {
                    (world, smaller) = (less, true);
                } else {
                    at += 1;
                }
            }
        }
        if !smaller {
            return world;
        }
    }
}

/// The parts of a world, one a line.
pub fn show(world: &World) -> String {
    let mut text = format!("{:?}\n", world.inputs.rules);
    let when = |instant: Option<pecan_core::time::RawInstant>| instant.map_or("none".into(), |i| nanos(i.0));
    text += &format!("cutoff {}, first {}, newest {}\n", when(world.inputs.cutoff), when(world.inputs.first_record), when(world.inputs.newest_record));
    let mut records: Vec<_> = world.inputs.records.iter().collect();
    records.sort_by_key(|r| (r.space, r.assignment_id.clone(), r.time));
    for r in records {
        let status = if r.proves { "success" } else { "other" };
        text += &format!(
            "record {:?} {} {:?} {:?} {status} id {:?} event {:?} correlation {:?} path {:?} body {:?}\n",
            r.place,
            nanos(r.time.0),
            r.space,
            r.action,
            r.assignment_id,
            r.event_data_id,
            r.correlation_id,
            r.path_scope,
            r.body
        );
    }
    let mut listed: Vec<_> = world.inputs.reference.listed.iter().collect();
    listed.sort_by_key(|l| (l.space, l.snapshot_at));
    for l in listed {
        text += &format!(
            "listed {} for {:?} {:?}: {:?} principal {:?} role {:?} definition {:?} at {:?} created {}\n",
            nanos(l.snapshot_at.0),
            l.snapshot_scope,
            l.space,
            l.assignment_id,
            l.principal_id,
            l.role_definition_id,
            l.definition_id,
            l.scope,
            when(l.created_on)
        );
    }
    let reference = &world.inputs.reference;
    let rows = [
        lines(&reference.partners),
        lines(&reference.principals),
        lines(&reference.members),
        lines(&reference.authorizations),
        lines(&reference.roles),
        lines(&reference.rates),
        lines(&reference.products),
        lines(&reference.management_groups),
        lines(&world.charges),
    ];
    text + &rows.concat()
}

fn lines<T: std::fmt::Debug>(rows: &[T]) -> String {
    rows.iter().map(|row| format!("{row:?}\n")).collect()
}
