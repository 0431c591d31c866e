\set VERBOSITY verbose
\echo '\n-- reads'
SELECT c.name, count(*) AS orders, sum(o.total) AS total
  FROM customers c JOIN orders o ON o.customer = c.id GROUP BY c.name ORDER BY total DESC;
\echo '-- writes'
INSERT INTO customers (name, city) VALUES ('Noor', 'Utrecht') RETURNING id;
UPDATE customers SET city = 'Delft' WHERE name = 'Noor';
\echo '\n-- a transaction'
BEGIN;
INSERT INTO orders (customer, item, total) SELECT id, 'clock', 59.00 FROM customers WHERE name = 'Noor';
SELECT item, total FROM orders WHERE customer = (SELECT id FROM customers WHERE name = 'Noor');
COMMIT;
\echo '\n-- what policy refuses: the server never sees it, and the session goes on'
SELECT name, amount FROM salaries;
SELECT 'still here' AS session;
