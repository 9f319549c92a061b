package daemon

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/autorollback/autorollback/audit"
	"github.com/autorollback/autorollback/engine"
	"github.com/autorollback/autorollback/record"
	"go.uber.org/zap"
)

// openJournal opens the journal, and returns what it knows of alerts.
func (d *Daemon) openJournal() (*audit.Journal, []record.AlertResult, error) {
	journal, altered, err := audit.SetAside(d.cfg.journal(), journalName(d.cfg), time.Now())
	if err != nil {
		return nil, nil, err
	}
	d.onClose(journal.Close)
	if d.cfg.SigningKey != "" {
		signer, err := audit.LoadSigner(d.cfg.SigningKey)
		if err != nil {
			return nil, nil, err
		}
		journal.SignWith(signer)
	}
	if altered != "" {
		d.log.Error("the journal was altered; a new one begins", zap.String("problem", altered))
		line := record.Record{At: time.Now().UTC(), Kind: "journal_altered", Text: record.Truncate("A new journal: "+altered, record.MaxLine)}
		if err := journal.Append("", line); err != nil {
			return nil, nil, err
		}
	}
	if torn := journal.Repaired(); torn > 0 {
		d.log.Warn("the journal had a torn last line, as after a crash; it was cut off", zap.Int64("bytes", torn))
	}
	past, err := journal.Alerts(time.Now().Add(-engine.TrailKept))
	return journal, past, err
}

// journalName says whose the journal is: the replica, or else the host and the file, which are the
// same after a restart.
func journalName(cfg Config) string {
	if cfg.Replica != "" {
		return storeName(cfg.Replica)
	}
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	path, err := filepath.Abs(cfg.journal())
	if err != nil {
		path = cfg.journal()
	}
	sum := sha256.Sum256([]byte(path))
	return storeName(host) + "-" + hex.EncodeToString(sum[:4])
}

// storeName makes a name one that may stand in a key.
func storeName(name string) string {
	return strings.Map(func(r rune) rune {
		if r == '-' || r == '_' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' {
			return r
		}
		return '-'
	}, name)
}
