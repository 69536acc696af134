-- Month end in DuckDB: expected, applied and billed by customer and month. Needs `INSTALL delta; LOAD delta;`.
-- The tables are those of `make demo`; another output: replace jobs/out/.
-- Amounts are decimal(19,4), rounded; what that took stands beside them as `_residue`: amount + residue is the exact sum.

-- Credit by customer and month: what was expected, what Microsoft says it applied, what was missed.
CREATE OR REPLACE VIEW month_credit AS
WITH sums AS (
    SELECT billing_month, lower(customer_id) AS customer_id, billing_currency AS currency,
           sum(credit_billing) AS expected, coalesce(sum(applied_credit_billing), 0) AS applied,
           sum(CASE WHEN evidence <> 'before_first_record' THEN missed_credit_billing ELSE 0 END) AS missed
    FROM delta_scan('jobs/out/fact_credit_daily') GROUP BY billing_month, lower(customer_id), billing_currency
)
SELECT billing_month, customer_id, currency,
       CAST(expected AS DECIMAL(19, 4)) AS expected, CAST(expected - CAST(expected AS DECIMAL(19, 4)) AS DECIMAL(38, 12)) AS expected_residue,
       CAST(applied AS DECIMAL(19, 4)) AS applied, CAST(applied - CAST(applied AS DECIMAL(19, 4)) AS DECIMAL(38, 12)) AS applied_residue,
       CAST(missed AS DECIMAL(19, 4)) AS missed, CAST(missed - CAST(missed AS DECIMAL(19, 4)) AS DECIMAL(38, 12)) AS missed_residue
FROM sums;

-- Differences by customer, month, grain and cause. Invoice totals name no customer.
CREATE OR REPLACE VIEW month_difference AS
WITH sums AS (
    SELECT billing_month, grain, lower(customer_id) AS customer_id, currency, cause, count(*) AS differences,
           coalesce(sum(ours), 0) AS ours, coalesce(sum(statement), 0) AS statement, sum(difference) AS difference
    FROM delta_scan('jobs/out/fact_difference') GROUP BY billing_month, grain, lower(customer_id), currency, cause
)
SELECT billing_month, grain, customer_id, currency, cause, differences,
       CAST(ours AS DECIMAL(19, 4)) AS ours, CAST(ours - CAST(ours AS DECIMAL(19, 4)) AS DECIMAL(38, 12)) AS ours_residue,
       CAST(statement AS DECIMAL(19, 4)) AS statement, CAST(statement - CAST(statement AS DECIMAL(19, 4)) AS DECIMAL(38, 12)) AS statement_residue,
       CAST(difference AS DECIMAL(19, 4)) AS difference, CAST(difference - CAST(difference AS DECIMAL(19, 4)) AS DECIMAL(38, 12)) AS difference_residue
FROM sums;

-- One row per customer, month and currency: credit expected and applied, and by how much the invoice is dearer than expected.
CREATE OR REPLACE VIEW month_overview AS
WITH billed AS (
    SELECT billing_month, lower(customer_id) AS customer_id, currency, -sum(difference) AS dearer
    FROM delta_scan('jobs/out/fact_difference') WHERE grain = 'invoice_line' GROUP BY billing_month, lower(customer_id), currency
)
SELECT c.billing_month, c.customer_id, n.name AS customer, c.currency, c.expected, c.expected_residue, c.applied, c.applied_residue,
       CAST(coalesce(b.dearer, 0) AS DECIMAL(19, 4)) AS billed_beyond_expected, CAST(coalesce(b.dearer, 0) - CAST(coalesce(b.dearer, 0) AS DECIMAL(19, 4)) AS DECIMAL(38, 12)) AS billed_beyond_expected_residue
FROM month_credit c
LEFT JOIN billed b ON b.billing_month = c.billing_month AND b.customer_id = c.customer_id AND b.currency = c.currency
LEFT JOIN delta_scan('jobs/out/dim_customer') n ON lower(n.customer_id) = c.customer_id;

-- Closed months as they are now known: expected credit as closed, and with everything booked since.
CREATE OR REPLACE VIEW month_ledger AS
WITH booked AS (
    SELECT adjusts_month, billing_currency, sum(credit_billing) AS credit FROM delta_scan('jobs/out/fact_adjustment') GROUP BY adjusts_month, billing_currency
), closed AS (
    SELECT billing_month, billing_currency, sum(credit_billing) AS credit FROM delta_scan('jobs/out/fact_credit_line') GROUP BY billing_month, billing_currency
)
SELECT c.billing_month, c.billing_currency AS currency,
       CAST(c.credit AS DECIMAL(19, 4)) AS credit, CAST(c.credit - CAST(c.credit AS DECIMAL(19, 4)) AS DECIMAL(38, 12)) AS credit_residue,
       CAST(coalesce(b.credit, 0) AS DECIMAL(19, 4)) AS booked, CAST(coalesce(b.credit, 0) - CAST(coalesce(b.credit, 0) AS DECIMAL(19, 4)) AS DECIMAL(38, 12)) AS booked_residue
FROM closed c LEFT JOIN booked b ON b.adjusts_month = c.billing_month AND b.billing_currency = c.billing_currency;
