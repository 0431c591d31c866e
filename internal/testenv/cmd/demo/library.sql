-- The sample tables of the demo's MariaDB, owned by the account that gatefold logs in with.
CREATE TABLE members (
	id   int AUTO_INCREMENT PRIMARY KEY,
	name varchar(80) NOT NULL,
	city varchar(80) NOT NULL
);
CREATE TABLE loans (
	id     int AUTO_INCREMENT PRIMARY KEY,
	member int NOT NULL REFERENCES members (id),
	title  varchar(120) NOT NULL,
	due    date NOT NULL
);
CREATE TABLE salaries (
	name   varchar(80) PRIMARY KEY,
	amount decimal(9,2) NOT NULL
);
INSERT INTO members (name, city) VALUES ('Ines', 'Porto'), ('Jan', 'Gdansk'), ('Mei', 'Tainan'), ('Tariq', 'Lahore');
INSERT INTO loans (member, title, due) VALUES
	(1, 'Blindness', '2031-05-02'), (2, 'Solaris', '2031-05-09'), (3, 'The Garden of Evening Mists', '2031-05-16');
INSERT INTO salaries VALUES ('Ada', 6100.00), ('Grace', 6900.00);
