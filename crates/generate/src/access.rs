//! Who may reach what: principals, roles, and holdings, which are assignments with the span during which they hold.

use crate::dice::Dice;
use crate::names::{self, Partner};

/// How a subscription is reached while nothing goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    /// Owner of the subscription, by the provider's foreign group (AOBO).
    Owner,
    /// A Lighthouse delegation of the subscription.
    Lighthouse,
    /// Contributor of every resource group, by a user or robot with a Partner Admin Link (PAL).
    Groups,
    /// Contributor of every resource, the same way.
    Resources,
    /// Contributor of the subscription, by the reseller's robot with a PAL. The provider itself has nothing.
    Reseller,
    /// Contributor of the subscription, by an engineer with a PAL of their own.
    OwnLink,
    /// Owner of the subscription, by the foreign group of the partner who bills it and whose agreement runs out.
    Former,
}

/// A role of Azure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Role {
    pub name: &'static str,
    pub id: &'static str,
}

pub(crate) const OWNER: Role = Role { name: "Owner", id: "8e3af657-a8ff-443c-a75c-2fe8c4bcb635" };
pub(crate) const CONTRIBUTOR: Role = Role { name: "Contributor", id: "b24988ac-6180-42a0-ab88-20f7382dd24c" };
pub(crate) const READER: Role = Role { name: "Reader", id: "acdd72a7-3385-48ef-bd42-f606fba81ae7" };
pub(crate) const BILLING_READER: Role = Role { name: "Billing Reader", id: "fa23ad8b-c56e-40d8-ac0c-ce449e1d2c64" };

/// What makes a principal part of an organisation.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Link {
    pub partner: &'static Partner,
    pub channel: &'static str,
    /// Last instant of the link, exclusive.
    pub until: Option<i64>,
}

/// A group, user or robot that the partners know.
#[derive(Debug, Clone)]
pub(crate) struct Principal {
    pub id: String,
    pub name: String,
    /// Azure's word.
    pub kind: &'static str,
    /// Whose tenant it lives in.
    pub home: &'static Partner,
    pub link: Option<Link>,
}

/// Places of the principals that always exist.
pub(crate) const ADMINS: usize = 0;
pub(crate) const HELPDESK: usize = 1;
pub(crate) const ROBOT: usize = 2;
pub(crate) const ENGINEER: usize = 3;
pub(crate) const DELEGATES: usize = 4;
pub(crate) const RESELLER_ROBOTS: [usize; 2] = [5, 6];
pub(crate) const FORMER_ADMINS: usize = 7;
pub(crate) const BYSTANDER_ADMINS: usize = 8;
pub(crate) const BYSTANDER_ROBOT: usize = 9;
pub(crate) const UNLINKED: usize = 10;

/// The principals that always exist.
pub(crate) fn principals(dice: Dice) -> Vec<Principal> {
    let dice = dice.of("principal");
    let linked = |partner, channel| Some(Link { partner, channel, until: None });
    let [first, second] = &names::RESELLERS;
    let list: [(&str, &'static str, &'static Partner, Option<Link>); 11] = [
        ("AdminAgents", "ForeignGroup", &names::PROVIDER, linked(&names::PROVIDER, "aobo")),
        ("HelpdeskAgents", "ForeignGroup", &names::PROVIDER, linked(&names::PROVIDER, "aobo")),
        ("contoso-operations", "ServicePrincipal", &names::PROVIDER, linked(&names::PROVIDER, "pal")),
        ("contoso-engineer", "User", &names::PROVIDER, linked(&names::PROVIDER, "pal")),
        ("contoso-managed-services", "ServicePrincipal", &names::PROVIDER, linked(&names::PROVIDER, "lighthouse")),
        ("northwind-operations", "ServicePrincipal", first, linked(first, "pal")),
        ("adventure-works-operations", "ServicePrincipal", second, linked(second, "pal")),
        ("AdminAgents", "ForeignGroup", &names::FORMER, linked(&names::FORMER, "aobo")),
        ("AdminAgents", "ForeignGroup", &names::BYSTANDER, None),
        ("tailspin-operations", "ServicePrincipal", &names::BYSTANDER, linked(&names::BYSTANDER, "pal")),
        ("contoso-new-engineer", "User", &names::PROVIDER, None),
    ];
    list.into_iter().enumerate().map(|(n, (name, kind, home, link))| Principal { id: dice.guid(n as u64), name: name.into(), kind, home, link }).collect()
}

/// What an assignment gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Gives {
    /// A role, by a role assignment.
    Role(Role),
    /// What the Lighthouse definition says, by a registration assignment.
    Delegation,
}

/// An assignment and when it holds.
#[derive(Debug, Clone)]
pub(crate) struct Holding {
    pub id: String,
    pub subscription: usize,
    /// ARM path of the scope.
    pub scope: String,
    pub principal: String,
    pub principal_kind: &'static str,
    pub gives: Gives,
    pub from: i64,
    pub until: Option<i64>,
}

impl Holding {
    /// Whether a list taken at this instant shows it.
    pub(crate) fn holds_at(&self, instant: i64) -> bool {
        self.from <= instant && self.until.is_none_or(|until| instant < until)
    }

    /// ARM path of the assignment itself.
    pub(crate) fn path(&self) -> String {
        match self.gives {
            Gives::Role(_) => format!("{}/providers/Microsoft.Authorization/roleAssignments/{}", self.scope, self.id),
            Gives::Delegation => format!("{}/providers/Microsoft.ManagedServices/registrationAssignments/{}", self.scope, self.id),
        }
    }
}
