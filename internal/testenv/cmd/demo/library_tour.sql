-- reads
SELECT m.name, l.title FROM members m JOIN loans l ON l.member = m.id ORDER BY m.name;
-- writes, in a transaction
BEGIN;
INSERT INTO members (name, city) VALUES ('Noor', 'Utrecht');
UPDATE members SET city = 'Leiden' WHERE name = 'Noor';
INSERT INTO loans (member, title, due) SELECT id, 'Piranesi', '2031-06-01' FROM members WHERE name = 'Noor';
-- what policy refuses: the server never sees it, and the transaction goes on
SELECT name, amount FROM salaries;
COMMIT;
SELECT title FROM loans WHERE member = (SELECT id FROM members WHERE name = 'Noor');
