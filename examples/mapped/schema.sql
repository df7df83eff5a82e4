-- The tables of an application that sends invoices. They know nothing of Magistrate. SQLite and PostgreSQL take them alike.

CREATE TABLE organizations (
  id TEXT NOT NULL PRIMARY KEY,
  name TEXT NOT NULL
);

CREATE TABLE people (
  id TEXT NOT NULL PRIMARY KEY,
  organization_id TEXT NOT NULL REFERENCES organizations (id),
  email TEXT NOT NULL UNIQUE,
  is_active BOOLEAN NOT NULL
);

CREATE TABLE projects (
  id INTEGER NOT NULL PRIMARY KEY,
  organization_id TEXT NOT NULL REFERENCES organizations (id),
  name TEXT NOT NULL,
  archived_at TIMESTAMP
);

CREATE TABLE members (
  project_id INTEGER NOT NULL REFERENCES projects (id),
  person_id TEXT NOT NULL REFERENCES people (id),
  role TEXT NOT NULL CHECK (role IN ('owner', 'editor', 'viewer')),
  until TIMESTAMP,
  PRIMARY KEY (project_id, person_id)
);
CREATE INDEX members_person ON members (person_id);

CREATE TABLE invoices (
  id INTEGER NOT NULL PRIMARY KEY,
  project_id INTEGER NOT NULL REFERENCES projects (id),
  author_id TEXT NOT NULL REFERENCES people (id),
  amount NUMERIC(12, 2) NOT NULL,
  status TEXT NOT NULL CHECK (status IN ('draft', 'sent', 'paid'))
);

CREATE TABLE approvers (
  invoice_id INTEGER NOT NULL REFERENCES invoices (id),
  person_id TEXT NOT NULL REFERENCES people (id),
  PRIMARY KEY (invoice_id, person_id)
);

-- The one thing made for Magistrate: an invoice beside the organization that its project is of.
CREATE VIEW invoice_facts AS
SELECT invoices.id, invoices.project_id, projects.organization_id, invoices.author_id, invoices.amount, invoices.status
FROM invoices JOIN projects ON projects.id = invoices.project_id;
