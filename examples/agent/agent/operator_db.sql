-- The form of an operator.db. Times in the columns *_at that are written here are UTC without a zone.
CREATE TABLE IF NOT EXISTS tickets (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    violation_key TEXT NOT NULL,
    invariant_name TEXT NOT NULL,
    store_id TEXT,
    status TEXT NOT NULL DEFAULT 'open',
    held BOOLEAN NOT NULL DEFAULT 0,
    batch_key TEXT,
    occurrence_count INTEGER NOT NULL DEFAULT 1,
    first_seen_at TEXT NOT NULL,
    last_seen_at TEXT NOT NULL,
    resolved_at TEXT,
    message TEXT NOT NULL,
    severity TEXT NOT NULL DEFAULT 'warning',
    diagnosis TEXT,
    metric_snapshot TEXT,
    subject_context TEXT,
    variant_model TEXT,
    variant_system_prompt TEXT,
    variant_tools_config TEXT,
    created_at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP,
    updated_at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP
);
CREATE INDEX IF NOT EXISTS tickets_unresolved ON tickets (violation_key) WHERE status != 'resolved';
CREATE INDEX IF NOT EXISTS tickets_by_key ON tickets (violation_key, resolved_at);
CREATE TRIGGER IF NOT EXISTS tickets_touched AFTER UPDATE ON tickets
BEGIN
    UPDATE tickets SET updated_at = CURRENT_TIMESTAMP WHERE id = NEW.id;
END;
CREATE TABLE IF NOT EXISTS agent_sessions (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    session_id TEXT NOT NULL UNIQUE,
    ticket_id INTEGER REFERENCES tickets (id),
    status TEXT NOT NULL DEFAULT 'running',
    started_at TEXT NOT NULL,
    ended_at TEXT,
    outcome_summary TEXT,
    created_at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP
);
CREATE TABLE IF NOT EXISTS agent_log_entries (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    session_id TEXT NOT NULL REFERENCES agent_sessions (session_id),
    entry_type TEXT NOT NULL,
    content TEXT NOT NULL,
    raw_content TEXT,
    tool_name TEXT,
    tool_params TEXT,
    exit_code INTEGER,
    timestamp TEXT NOT NULL,
    created_at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP
);
