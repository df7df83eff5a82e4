INSERT INTO organizations (id, name) VALUES ('north', 'North Ltd'), ('south', 'South Ltd');

INSERT INTO people (id, organization_id, email, is_active) VALUES
  ('alice', 'north', 'alice@north.example', TRUE),
  ('bob', 'north', 'bob@north.example', TRUE),
  ('carol', 'north', 'carol@north.example', TRUE),
  ('dave', 'north', 'dave@north.example', FALSE),
  ('erin', 'south', 'erin@south.example', TRUE);

INSERT INTO projects (id, organization_id, name, archived_at) VALUES
  (1, 'north', 'Lighthouse', NULL),
  (2, 'north', 'Old harbour', '2025-03-01 09:00:00'),
  (3, 'south', 'Vineyard', NULL);

INSERT INTO members (project_id, person_id, role, until) VALUES
  (1, 'alice', 'owner', NULL),
  (1, 'bob', 'editor', NULL),
  (1, 'carol', 'viewer', '2025-01-01 00:00:00'),
  (1, 'dave', 'editor', NULL),
  (2, 'bob', 'editor', NULL),
  (3, 'erin', 'owner', NULL);

INSERT INTO invoices (id, project_id, author_id, amount, status) VALUES
  (101, 1, 'bob', 250.00, 'draft'),
  (102, 1, 'bob', 12500.50, 'sent'),
  (103, 1, 'alice', 90.00, 'paid'),
  (201, 2, 'bob', 400.00, 'draft'),
  (301, 3, 'erin', 75.25, 'draft');

INSERT INTO approvers (invoice_id, person_id) VALUES (102, 'carol'), (301, 'alice');
