//! The columns of a block: names and words; the numbers are made in [`crate::figures`].

use crate::block::{Block, Scene};
use crate::catalog::{self, CURRENCIES, METERS, REGIONS};
use crate::dice::mix;
use crate::figures::{self, Figures};
use crate::ids::{meter_id, product_id, tenant};
use crate::names::{self, RESELLERS};
use crate::plan::Plan;
use crate::sheet::{Cells, Labels, Sheet};
use crate::stream::{self, Class, Level, Stream};
use crate::truth::Tally;
use crate::world::World;
use keyed_chunk::NULL;

/// Makes the rows of a block, and counts what a run must find in them.
pub(crate) fn make(world: &World, plan: &Plan, block: &Block, double: bool) -> (Sheet, Tally) {
    let streams = (block.first_slot..block.first_slot + block.slots).map(|slot| Stream::of(world, slot)).collect();
    let scene = Scene { world, plan, block, streams };
    let mut sheet = Sheet::new(block.rows() as usize);
    let figures = figures::make(&scene, double, &mut sheet);
    scene.account(&mut sheet);
    scene.parties(&mut sheet);
    scene.periods(&mut sheet);
    scene.meters(&mut sheet);
    scene.places(&mut sheet);
    scene.kinds(&mut sheet);
    scene.statement(&mut sheet, &figures);
    (sheet, figures.tally)
}

impl Scene<'_> {
    fn account(&self, sheet: &mut Sheet) {
        let account = self.world.dice.of("billing account");
        sheet.put("billingAccountId", self.constant(&format!("{}:{}_2019-05-31", account.guid(1), account.guid(2))));
        sheet.put("billingAccountName", self.constant(names::PROVIDER.name));
        sheet.put("billingProfileId", self.of_currency(|c| format!("{}-{}-BG7-PGB", account.code(c as u64, 4), account.code(c as u64 + 9, 4))));
        sheet.put("billingProfileName", self.of_currency(|c| format!("{} {}", names::PROVIDER.name, CURRENCIES[c].0)));
        sheet.put("invoiceSectionId", self.constant(&format!("{}-{}-PJA-PGB", account.code(21, 4), account.code(22, 4))));
        sheet.put("invoiceSectionName", self.constant("Azure plan"));
        let month = self.block.month;
        if month.last < self.world.until - 1 {
            let number = account.at2(month.first as u64, 7) % 1_000_000;
            sheet.put("invoiceId", self.of_currency(|c| format!("G{number:06}{:03}", c + 1)));
        }
        sheet.put("billingCurrency", self.of_currency(|c| CURRENCIES[c].0.into()));
        sheet.put("pricingCurrency", self.constant("USD"));
        sheet.put("provider", self.constant("Azure"));
    }

    fn parties(&self, sheet: &mut Sheet) {
        let subscriptions = &self.world.subscriptions;
        let customers = &self.world.customers;
        sheet.put("customerTenantId", self.of_customer(|c| customers[c].tenant.clone()));
        sheet.put("customerName", self.of_customer(|c| customers[c].name.clone()));
        sheet.put("SubscriptionId", self.of_subscription(|s| subscriptions[s.subscription].id.clone()));
        sheet.put("subscriptionName", self.of_subscription(|s| subscriptions[s.subscription].name.clone()));
        sheet.put("productOrderId", self.of_subscription(|s| subscriptions[s.subscription].plan.clone()));
        sheet.put("productOrderName", self.constant("Azure plan"));
        let (mut billed, mut resellers) = (Vec::with_capacity(sheet.rows), Vec::with_capacity(sheet.rows));
        for day in self.block.days.clone() {
            for stream in &self.streams {
                let course = &self.plan.courses[stream.subscription];
                let day = day - self.world.first;
                billed.push(course.billed(day) as u32);
                let reseller = subscriptions[stream.subscription].reseller.filter(|_| course.names_reseller(day));
                resellers.push(reseller.map_or(NULL, |r| r as u32));
            }
        }
        let tenants = [&names::PROVIDER, &names::FORMER, &names::STRANGER].map(|partner| tenant(self.world, partner));
        sheet.put("partnerTenantId", Cells::chosen(&tenants.each_ref().map(String::as_str), billed.clone()));
        sheet.put("partnerName", Cells::chosen(&[names::PROVIDER.name, names::FORMER.name, names::STRANGER.name], billed));
        sheet.put("resellerName", Cells::chosen(&RESELLERS.each_ref().map(|r| r.name), resellers.clone()));
        sheet.put("resellerMpnId", Cells::chosen(&RESELLERS.each_ref().map(|r| r.mpn), resellers));
    }

    fn periods(&self, sheet: &mut Sheet) {
        let (month, rows) = (self.block.month, self.rows());
        for name in ["billingPeriodStartDate", "servicePeriodStartDate", "exchangeRateDate"] {
            sheet.put(name, Cells::day(month.first, rows));
        }
        for name in ["billingPeriodEndDate", "servicePeriodEndDate"] {
            sheet.put(name, Cells::day(month.last, rows));
        }
        let streams = self.streams.len();
        let keys = (0..self.block.days.len() as u32).flat_map(|day| std::iter::repeat_n(day, streams)).collect();
        sheet.put("date", Cells::Days { entries: self.block.days.clone().collect(), keys });
    }

    fn meters(&self, sheet: &mut Sheet) {
        let meter = |s: &Stream| &METERS[usize::from(s.meter)];
        let plain = |s: &Stream| Some(u64::from(s.meter));
        let here = |s: &Stream| Some(catalog::key(s.meter, s.region));
        sheet.put("serviceFamily", self.text(plain, |s| meter(s).family.into()));
        sheet.put("consumedService", self.text(plain, |s| meter(s).service.into()));
        sheet.put("meterId", self.text(here, |s| meter_id(self.world, s.meter, s.region)));
        sheet.put("meterName", self.text(plain, |s| meter(s).name.into()));
        sheet.put("meterCategory", self.text(plain, |s| meter(s).category.into()));
        sheet.put("meterSubCategory", self.text(plain, |s| meter(s).sub_category.into()));
        sheet.put("meterRegion", self.text(|s| Some(u64::from(s.region)), |s| REGIONS[usize::from(s.region)].0.into()));
        sheet.put("ProductId", self.text(here, |s| product_id(self.world, s.meter, s.region)));
        let name = |s: &Stream| format!("{} - {} - {}", meter(s).sub_category, meter(s).name, REGIONS[usize::from(s.region)].0);
        sheet.put("ProductName", self.text(here, name));
        sheet.put("unitOfMeasure", self.text(plain, |s| meter(s).unit.into()));
        sheet.put("additionalInfo", self.text(|s| (!meter(s).info.is_empty()).then_some(u64::from(s.meter)), |s| meter(s).info.into()));
        let service = |s: &Stream| Some(u64::from(s.meter)).filter(|_| meter(s).service == "Microsoft.Compute");
        sheet.put("serviceInfo1", self.text(|s| service(s).map(|_| 0), |_| "AzureCompute".into()));
    }

    fn places(&self, sheet: &mut Sheet) {
        let world = self.world;
        let group = |s: &Stream| (s.level != Level::Subscription).then_some((s.subscription as u64) << 8 | s.group);
        sheet.put("resourceGroupName", self.text(group, |s| stream::group_name(world, s.subscription, s.group)));
        sheet.put("ResourceId", self.resources());
        let region = |s: &Stream| (s.level == Level::Resource).then_some(u64::from(s.region));
        sheet.put("resourceLocation", self.text(region, |s| REGIONS[usize::from(s.region)].1.into()));
        sheet.put("location", self.text(region, |s| REGIONS[usize::from(s.region)].2.into()));
        let bundle = |s: &Stream| (s.subscription as u64) << 40 | s.bundle;
        let tagged = |s: &Stream| (s.level == Level::Resource && stream::tags(world, s).is_some()).then(|| bundle(s));
        sheet.put("tags", self.text(tagged, |s| stream::tags(world, s).unwrap_or_default()));
    }

    /// Every resource in up to three spellings; a replaced one in six.
    fn resources(&self) -> Cells {
        let (mut distinct, mut entries) = (Labels::default(), Vec::new());
        let resources: Vec<u32> = self.streams.iter().map(|s| distinct.key(s.resource(), String::new)).collect();
        let mut places = vec![NULL; distinct.entries.len() * 6];
        let mut keys = Vec::with_capacity(self.rows());
        for day in self.block.days.clone() {
            for (s, resource) in self.streams.iter().zip(&resources) {
                if s.level == Level::Resource || !s.class.is_usage() {
                    let way = match mix(s.resource(), day as u64) & 127 {
                        3 => 1,
                        5 => 2,
                        _ => 0,
                    };
                    let replacement = day >= s.replaced;
                    let place = &mut places[*resource as usize * 6 + usize::from(replacement) * 3 + way];
                    if *place == NULL {
                        *place = entries.len() as u32;
                        entries.push(stream::spelled(&stream::resource_path(self.world, s, replacement), way));
                    }
                    keys.push(*place);
                } else {
                    keys.push(NULL);
                }
            }
        }
        Cells::Text { entries, keys }
    }

    fn kinds(&self, sheet: &mut Sheet) {
        let dice = self.world.dice;
        sheet.put(
            "chargeType",
            self.chosen(|class| match class {
                Class::Purchase => "Purchase",
                Class::Rounding => "RoundingAdjustment",
                _ => "Usage",
            }),
        );
        sheet.put(
            "PricingModel",
            self.chosen(|class| match class {
                Class::Reservation | Class::Purchase => "Reservation",
                Class::SavingsPlan => "SavingsPlan",
                Class::Spot => "Spot",
                _ => "OnDemand",
            }),
        );
        sheet.put("publisherType", self.chosen(|class| if class == Class::Marketplace { "Marketplace" } else { "Microsoft" }));
        sheet.put("publisherName", self.chosen(|class| if class == Class::Marketplace { names::BYSTANDER.name } else { "Microsoft" }));
        sheet.put(
            "frequency",
            self.chosen(|class| match class {
                Class::Purchase => "Recurring",
                Class::Rounding => "OneTime",
                _ => "UsageBased",
            }),
        );
        sheet.put("isAzureCreditEligible", self.chosen(|class| if class == Class::Marketplace { "False" } else { "True" }));
        sheet.put("term", self.text(|s| (s.class == Class::Purchase).then_some(0), |_| "12".into()));
        let order = |s: &Stream| s.resource();
        let reserved = |s: &Stream| (s.class == Class::Reservation).then(|| order(s));
        let saved = |s: &Stream| (s.class == Class::SavingsPlan).then(|| order(s));
        let ids = dice.of("benefit");
        let reservation =
            |s: &Stream| format!("/providers/Microsoft.Capacity/reservationOrders/{}/reservations/{}", ids.guid(order(s)), ids.guid(order(s) + 1));
        sheet.put("reservationId", self.text(reserved, reservation));
        sheet.put("reservationName", self.text(reserved, |s| format!("VM_RI_{}", ids.code(order(s), 6))));
        let plan =
            |s: &Stream| format!("/providers/Microsoft.BillingBenefits/savingsPlanOrders/{}/savingsPlans/{}", ids.guid(order(s)), ids.guid(order(s) + 1));
        sheet.put("benefitId", self.text(saved, plan));
        sheet.put("benefitName", self.text(saved, |s| format!("Compute_SavingsPlan_{}", ids.code(order(s), 6))));
    }

    /// A word per class; classes may share one.
    fn chosen(&self, word: fn(Class) -> &'static str) -> Cells {
        let mut words: Vec<&str> = Vec::new();
        let key = |s: &Stream| {
            let word = word(s.class);
            let place = words.iter().position(|known| *known == word);
            place.unwrap_or_else(|| {
                words.push(word);
                words.len() - 1
            }) as u32
        };
        let keys = self.streams.iter().map(key).collect();
        Cells::Text { entries: words.into_iter().map(str::to_string).collect(), keys: self.repeated(keys) }
    }

    fn statement(&self, sheet: &mut Sheet, figures: &Figures) {
        let keys = figures.applied.iter().map(|applied| u32::from(*applied)).collect();
        sheet.put("partnerEarnedCreditApplied", Cells::chosen(&["false", "true"], keys));
    }
}
