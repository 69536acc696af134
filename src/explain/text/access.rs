//! The chain, the day as a line, and every interval with whether it counts.

use pecan_core::reference::Channel;
use pecan_core::role::RoleSource;
use pecan_core::scope::Level;
use pecan_core::time::{DAY_MICROS, Instant, Span};

use super::{INDENT, LABEL, Screen, Shade};
use crate::explain::access::{Access, ChainLevel, ToldInterval, When, Why};
use crate::explain::clock::{Clock, counted, duration, listed, moment, spoken, ticks};
use crate::explain::tell::Telling;
use crate::explain::verdict::{how_stopped, level_word};
use crate::summary::figures::count;
use crate::summary::text::{shortened, wrapped};

/// Cells of the day on narrow and on wide screens.
const CELLS: usize = 48;
const MORE_CELLS: usize = 96;
/// Intervals of a kind on screen; the JSON has all.
const MOST_SHOWN: usize = 12;
const MOST_UNLINKED: usize = 5;
/// Room for what a level of the chain holds.
const HELD: usize = 34;

impl Screen {
    pub(super) fn access(&mut self, t: &Telling, access: &Access) {
        self.chain(access);
        self.day_lines(t, access);
        let of = |when: When, linked: bool| access.intervals.iter().filter(move |i| i.when == when && i.is_linked() == linked).collect::<Vec<_>>();
        self.intervals("Access on the day", &of(When::OnTheDay, true), MOST_SHOWN, &t.clock);
        let mut outside = of(When::Before, true);
        outside.extend(of(When::After, true));
        self.intervals("Just outside the day", &outside, MOST_SHOWN, &t.clock);
        let parties: Vec<String> = access.organisations.iter().map(|o| o.organisation.clone()).collect();
        self.intervals(&format!("On the day, but of principals never linked to {}", listed(&parties)), &of(When::OnTheDay, false), MOST_UNLINKED, &t.clock);
        if access.covering_nothing > 0 {
            let text = format!(
                "{} at management groups that the table of management groups does not list: kept, but covering nothing (R-SCOPE-2)",
                counted(access.covering_nothing as u64, "access interval")
            );
            self.labelled("Not counted", &text);
        }
    }

    fn chain(&mut self, access: &Access) {
        self.title("Scope chain");
        if access.chain.is_empty() {
            self.labelled("none", "the charge names no scope (R-SCOPE-4)");
        }
        let named = own_names(access);
        // The levels differ on the right: the middle of a long id is what can be spared.
        let room = self.width.saturating_sub(INDENT + LABEL + HELD);
        let widest = named.iter().map(|n| n.chars().count()).max().unwrap_or(0).min(room);
        for (level, own) in access.chain.iter().zip(&named) {
            let held = match (level.intervals, level.of_parties) {
                (0, _) => "no access".to_owned(),
                (all, ours) if all == ours => counted(all as u64, "interval"),
                (all, 0) => format!("{}, none linked", counted(all as u64, "interval")),
                (all, ours) => format!("{}, {ours} linked", counted(all as u64, "interval")),
            };
            let mark = if level.is_charge { "   ← charge" } else { "" };
            let text = format!("{:<widest$}   {held}{mark}", shortened(own, room));
            self.labelled(level_word(level.level), &text.replace(' ', "\u{a0}"));
        }
    }

    fn day_lines(&mut self, t: &Telling, access: &Access) {
        let cells = if self.width >= INDENT + LABEL + MORE_CELLS + 2 { MORE_CELLS } else { CELLS };
        let zone =
            if t.clock.offset == 0 { "UTC".to_owned() } else { format!("hours of the usage day, which begins {} UTC (R-DAY-1)", moment(t.clock.span.from)) };
        self.title(&format!("The day, {zone}"));
        self.line(&format!("{:INDENT$}{:LABEL$}{}", "", "", ticks(cells)), Shade::Dim);
        let mut partly = false;
        for organisation in &access.organisations {
            partly |= self.day_line(&organisation.organisation, &organisation.covered, cells, &t.clock);
        }
        if let Some((covered, _)) = &access.together {
            partly |= self.day_line("together", covered, cells, &t.clock);
        }
        let legend = if partly { "█ covered   ▒ partly   · not covered" } else { "█ covered   · not covered" };
        self.line(&format!("{:INDENT$}{:LABEL$}{legend}", "", ""), Shade::Dim);
        if let Some(cutoff) = t.basis.cutoff.filter(|c| t.clock.span.from < *c && *c < t.clock.span.until) {
            self.labelled("cutoff", &format!("{}: what comes later is drawn as if nothing changed", t.clock.time(cutoff)));
        }
        for organisation in &access.organisations {
            self.gaps(&organisation.organisation, &organisation.gaps, &t.clock);
        }
        if let Some((_, gaps)) = &access.together {
            self.gaps("together", gaps, &t.clock);
        }
    }

    fn day_line(&mut self, name: &str, covered: &[Span], cells: usize, clock: &Clock) -> bool {
        let drawn = clock.line(covered, cells);
        let shade = if drawn.contains(['·', '▒']) { Shade::Red } else { Shade::Green };
        let label = format!("{:INDENT$}{:<LABEL$}", "", shortened(name, LABEL - 1));
        let drawn_shaded = self.shaded(&drawn, shade);
        self.line(&format!("{label}{drawn_shaded}"), Shade::Plain);
        drawn.contains('▒')
    }

    /// Every gap with its length.
    fn gaps(&mut self, name: &str, gaps: &[Span], clock: &Clock) {
        let covered = gaps.iter().fold(DAY_MICROS, |left, gap| left.saturating_sub(gap.micros()));
        let seconds = count(covered.div_euclid(1_000_000).unsigned_abs());
        let text = match gaps {
            [] => "no gap: 86,400 of 86,400 s covered".to_owned(),
            [whole] if whole.micros() == DAY_MICROS => "nothing covered".to_owned(),
            _ => {
                let shown: Vec<String> =
                    gaps.iter().take(MOST_SHOWN).map(|g| format!("{} ({})", clock.between(*g), duration(g.micros())).replace(' ', "\u{a0}")).collect();
                let more = gaps.len().saturating_sub(shown.len());
                let more = if more > 0 { format!(" and {more} more") } else { String::new() };
                format!("{} {}{more}; {seconds} of 86,400 s covered", if gaps.len() == 1 { "gap" } else { "gaps" }, shown.join(", "))
            }
        };
        self.labelled(name, &text);
    }

    fn intervals(&mut self, title: &str, intervals: &[&ToldInterval], most: usize, clock: &Clock) {
        if intervals.is_empty() {
            return;
        }
        self.title(title);
        for (at, interval) in intervals.iter().take(most).enumerate() {
            if at > 0 {
                self.blank();
            }
            self.interval(interval, clock);
        }
        if intervals.len() > most {
            self.paragraph(INDENT, &format!("… and {} more; --output-format json lists all", intervals.len() - most), Shade::Dim);
        }
    }

    fn interval(&mut self, i: &ToldInterval, clock: &Clock) {
        let counts = i.counts.iter().any(|c| matches!(c.why, Why::Counts | Why::CountsPartly));
        let (mark, shade) = match (i.when, counts) {
            (When::OnTheDay, true) => ("✓", Shade::Green),
            (When::OnTheDay, false) => ("✗", Shade::Red),
            _ => ("·", Shade::Dim),
        };
        let span = match i.interval.span {
            Span { from, until: Instant::MAX } => format!("since {}", moment(from)),
            span => format!("{} → {}", moment(span.from), moment(span.until)),
        };
        let room = self.width.saturating_sub(INDENT + 2);
        for (at, part) in wrapped(&format!("{} {}, {span}", i.role(), i.place), room).iter().enumerate() {
            self.line(&format!("{:INDENT$}{} {part}", "", if at == 0 { mark } else { " " }), shade);
        }
        for reason in reasons(i, clock) {
            self.paragraph(INDENT + 2, &reason, Shade::Plain);
        }
        self.paragraph(INDENT + 2, &started_and_stopped(i), Shade::Dim);
        self.paragraph(INDENT + 2, &format!("principal {}, {}", i.interval.principal_id, links(i)), Shade::Dim);
        self.paragraph(INDENT + 2, &format!("assignment {}", i.interval.assignment_id), Shade::Dim);
    }
}

/// Each level of a chain without what the level above it says already.
fn own_names(access: &Access) -> Vec<String> {
    let mut above = "";
    let own = |level: &ChainLevel, above: &str| {
        let own = level.shown.get(above.len()..).filter(|rest| rest.starts_with('/') && !above.is_empty()).unwrap_or(&level.shown);
        let kind =
            ["/subscriptions/", "/resourceGroups/", "/providers/"].iter().find(|k| own.get(..k.len()).is_some_and(|start| start.eq_ignore_ascii_case(k)));
        kind.and_then(|k| own.get(k.len()..))
            .filter(|rest| !above.is_empty() || !rest.contains('/'))
            .unwrap_or_else(|| if above.is_empty() { own } else { own.trim_start_matches('/') })
            .to_owned()
    };
    let mut names = Vec::new();
    for level in &access.chain {
        names.push(own(level, above));
        above = if matches!(level.level, Level::Root | Level::ManagementGroup) { "" } else { &level.shown };
    }
    names
}

/// Whether it counts, for whom, and why not; organisations without anything to do with it are left out.
fn reasons(i: &ToldInterval, clock: &Clock) -> Vec<String> {
    if i.when != When::OnTheDay {
        return Vec::new();
    }
    let told: Vec<String> = i.counts.iter().filter(|c| c.why != Why::NeverLinked).map(|c| reason(i, c, clock)).collect();
    if !told.is_empty() {
        return told;
    }
    vec!["does not count: its principal is linked to nobody whose access counts (R-PARTY-1, R-PARTY-2)".to_owned()]
}

fn reason(i: &ToldInterval, count: &crate::explain::access::Count, clock: &Clock) -> String {
    let who = &count.organisation;
    let spans = || listed(&count.spans.iter().map(|s| clock.between(*s)).collect::<Vec<_>>());
    match count.why {
        Why::Counts if count.spans == [clock.span] => format!("counts for {who} the whole day"),
        Why::Counts => format!("counts for {who} {}", spans()),
        Why::CountsPartly => format!("counts for {who} only while its principal is linked: {} (R-PARTY-2)", spans()),
        Why::RoleNotEarning => format!("does not count for {who}: {}", role_says(i)),
        Why::NotLinkedThen => format!("does not count for {who}: its principal is not linked at that time (R-PARTY-2)"),
        Why::OutsideTheDay => format!("does not count for {who}: outside the day"),
        Why::NeverLinked => format!("does not count for {who}: its principal is never linked to it (R-PARTY-2)"),
    }
}

/// Who says that the role does not earn.
fn role_says(i: &ToldInterval) -> &'static str {
    match i.says {
        RoleSource::Job => "the job's roles table says that the role does not earn (R-ROLE-1)",
        RoleSource::Embedded => "Microsoft's list says that the role does not earn (R-ROLE-1)",
        RoleSource::Unknown => "no table knows the role on this day, and unknown roles do not earn (R-ROLE-2)",
    }
}

fn started_and_stopped(i: &ToldInterval) -> String {
    use pecan_core::interval::StartedBy;
    let started = match i.interval.started_by {
        StartedBy::Event => "given by an audit record",
        StartedBy::Snapshot => "known from a list of assignments",
        StartedBy::Definition => "from its Lighthouse definition's first instant",
    };
    let role = match (i.earns, i.says) {
        (true, RoleSource::Job) => "; the role earns, as the job's roles table says",
        (true, RoleSource::Embedded) => "; the role earns, as Microsoft's list says",
        (true, RoleSource::Unknown) => "; the role earns: unknown_roles = \"yes\" (R-ROLE-2)",
        (false, _) => "",
    };
    let by = i.interval.stopped_caller.as_ref().map(|caller| format!(" by {caller}")).unwrap_or_default();
    let stopped = i.interval.stopped_by.map_or_else(|| ", still in force".to_owned(), |how| format!(", {}{by}", how_stopped(how)));
    format!("{started}{stopped}{role}")
}

fn links(i: &ToldInterval) -> String {
    let channel = |c: Channel| match c {
        Channel::Aobo => "admin on behalf of",
        Channel::Pal => "Partner Admin Link",
        Channel::Lighthouse => "Lighthouse",
    };
    let told: Vec<String> = i.links.iter().map(|l| format!("linked to {} {} ({})", l.organisation, spoken(l.span), channel(l.channel))).collect();
    if told.is_empty() { "linked to no partner".to_owned() } else { told.join("; ") }
}
