-- The atlas: the countries of the world, their currencies, and how many of them each region has.
CREATE TABLE regions (
  name text PRIMARY KEY,
  currencies integer NOT NULL
);

CREATE TABLE countries (
  code text PRIMARY KEY,
  name text NOT NULL,
  capital text,
  region text NOT NULL REFERENCES regions,
  subregion text,
  area_km2 numeric NOT NULL,
  calling_code text
);

CREATE TABLE currencies (
  code text PRIMARY KEY,
  name text NOT NULL
);

CREATE TABLE country_currencies (
  country_code text REFERENCES countries,
  currency_code text REFERENCES currencies,
  PRIMARY KEY (country_code, currency_code)
);

-- Work for later. It travels with the audit context of the request that queued it.
CREATE TABLE jobs (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  country_code text NOT NULL REFERENCES countries,
  audit_context text NOT NULL
);
