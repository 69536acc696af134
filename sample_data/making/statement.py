"""The invoice of September as Microsoft's invoice reconciliation file, with a few lines that are not as they should be."""
from collections import defaultdict
from decimal import ROUND_DOWN, Decimal, localcontext

from . import charges
from .world import CUSTOMERS

COLUMNS = ("InvoiceNumber CustomerId CustomerName ProductId SkuId SkuName ChargeType UnitPrice EffectiveUnitPrice Quantity BillableQuantity Subtotal "
           "TaxTotal Total Currency PricingCurrency PCToBCExchangeRate PriceAdjustmentDescription SubscriptionId SubscriptionDescription "
           "ChargeStartDate ChargeEndDate MeterDescription").split()
CREDIT = '["{}% Partner earned credit for services managed"]'
NUMBER = {n: CUSTOMERS[n][0] for n in CUSTOMERS}


def cents(value):
    return value.quantize(Decimal("0.01"), ROUND_DOWN)


def plain(value):
    return f"{value:f}"


def line(customer, plan, product, sku, currency, fx, price, quantity, rate=None, words=None, effective=None, kind="New", meter="meter", dates=("9/1/2026", "9/30/2026")):
    """One row: the truncation of the invoice, and the credit if there is a rate."""
    with localcontext() as exact:
        exact.prec = 90
        if effective is None:
            effective = price * (1 - (rate or 0))
        subtotal = cents(cents(effective * quantity) * fx)
    description = words if words is not None else CREDIT.format((rate * 100).normalize()) if rate else "[]"
    name = next((CUSTOMERS[n][1] for n in CUSTOMERS if CUSTOMERS[n][0] == customer), "")
    return dict(zip(COLUMNS, ["G000900001", customer, name, product, sku, "", kind, plain(price), plain(effective), plain(quantity), plain(quantity),
                              plain(subtotal), "0", plain(subtotal), currency, "USD", plain(fx), description, plan, "Azure plan" if meter else "",
                              *dates, meter]))


def key(row):
    product = row["ProductId"]
    return (row["customerTenantId"], row["productOrderId"], product[:12], product[12:].lstrip("0"), row["billingCurrency"],
            row["exchangeRatePricingToBilling"], row["PayGPrice"])


def september():
    """What Microsoft bills: as flags and prices of the exports say, one line per price, with and without credit."""
    usage, other = defaultdict(Decimal), []
    with localcontext() as exact:
        exact.prec = 90
        for row in [*charges.contoso(), *charges.fabrikam(), *charges.archive()]:
            if row["billingPeriodStartDate"].month != 9 or row["quantity"] is None or row["chargeType"] == "RoundingAdjustment":
                continue
            if row["chargeType"] == "Usage":
                usage[key(row) + (row["meterName"], bool(row["partnerEarnedCreditApplied"]))] += row["quantity"]
            else:
                other.append(row)
    for (customer, plan, product, sku, currency, fx, price, meter, credited), quantity in sorted(usage.items(), key=str):
        quantity = quantity.quantize(Decimal("0.000001"))
        yield line(customer, plan, product, sku, currency, fx, price, quantity, Decimal("0.15") if credited else None, meter=meter)
    for row in other:
        customer, plan, product, sku, currency, fx, price = key(row)
        effective = row["effectivePrice"] if row["chargeType"] in ("", "Purchase", "Refund") else price
        yield line(customer, plan, product, sku, currency, fx, price, row["quantity"], effective=effective, kind=row["chargeType"].lower() or "New", meter="")


def invoice():
    """The rows, some of them changed. Each change is one cause of sample_data/README.md."""
    for row in september():
        customer, credited = row["CustomerId"], "credit" in row["PriceAdjustmentDescription"]
        price, quantity, fx = (Decimal(row[name]) for name in ("UnitPrice", "BillableQuantity", "PCToBCExchangeRate"))
        again = lambda **more: line(customer, row["SubscriptionId"], row["ProductId"], row["SkuId"], row["Currency"], fx, price, quantity,
                                    meter=row["MeterDescription"], **more)
        if customer == NUMBER[7]:                              # the export says credit, the invoice has none
            row = again()
        elif customer == NUMBER[6] and credited:               # credited at another rate
            row = again(rate=Decimal("0.10"))
        elif customer == NUMBER[12] and credited:              # a tier discount on top
            row = again(effective=price * Decimal("0.80"), words='["15.0% Partner earned credit for services managed","5.0% Tier 1 Discount"]')
        elif customer == NUMBER[14]:                           # not on the invoice at all
            continue
        elif customer == NUMBER[4] and not credited:           # dearer, and nothing says why
            row = again(effective=price * Decimal("1.10"))
        yield row
    with_plan = (NUMBER[1], "plan-001")
    yield line(*with_plan, "CFQ7TTC0LH18", "1", "USD", Decimal(1), Decimal("22"), Decimal("3"), meter="")        # seats, in no export
    yield line(*with_plan, "", "", "USD", Decimal(1), Decimal("0.01"), Decimal("1"), kind="RoundingAdjustment", meter="")
    yield line(*with_plan, "DZH318Z0VM01", "1", "USD", Decimal(1), Decimal("0.096"), Decimal("10"), dates=("8/1/2026", "8/31/2026"))
    yield line(*with_plan, "DZH318Z0VM01", "1", "USD", Decimal(1), Decimal("0.096"), Decimal("10")) | {"EffectiveUnitPrice": "n/a"}
