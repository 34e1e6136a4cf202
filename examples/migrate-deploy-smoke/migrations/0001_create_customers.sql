CREATE TABLE customers (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  name text NOT NULL
);
INSERT INTO customers (name) VALUES ('Ada'), ('Grace'), ('Edsger');
