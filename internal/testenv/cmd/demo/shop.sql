-- The sample tables of the demo, owned by the account that gatefold logs in with.
CREATE TABLE customers (
	id   int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	name text NOT NULL,
	city text NOT NULL
);
CREATE TABLE orders (
	id       int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	customer int NOT NULL REFERENCES customers,
	item     text NOT NULL,
	total    numeric(9,2) NOT NULL
);
CREATE TABLE salaries (
	name   text PRIMARY KEY,
	amount numeric(9,2) NOT NULL
);
INSERT INTO customers (name, city) VALUES ('Ines', 'Porto'), ('Jan', 'Gdansk'), ('Mei', 'Tainan'), ('Tariq', 'Lahore');
INSERT INTO orders (customer, item, total) VALUES
	(1, 'lamp', 40.00), (1, 'chair', 85.50), (2, 'desk', 210.00), (3, 'shelf', 64.90), (3, 'lamp', 40.00), (4, 'stool', 32.00);
INSERT INTO salaries VALUES ('Ada', 6100.00), ('Grace', 6900.00);
