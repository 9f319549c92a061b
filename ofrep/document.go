package ofrep

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/store"
)

// A Document is what the servers of one version read.
type Document struct {
	Bundle      string         `json:"bundle"`
	Flags       map[string]any `json:"flags"` // bool, string or float64
	Serving     bool           `json:"serving"`
	Quarantined bool           `json:"quarantined"` // Flags are what the bundle has while it may not serve
	Problem     string         `json:"-"`           // why it cannot be read; then all else is empty
}

// A View is the documents of a service in a region as they were at one moment.
type View struct {
	Service, Region string
	Documents       map[string]Document // by version
	ReadAt          time.Time           // zero: never
}

// StaleAfter is how old a view may be before every answer from it says so.
const StaleAfter = 10 * time.Second

// Stale reports whether the store did not answer lately, so that the documents may have changed.
func (v View) Stale(now time.Time) bool { return now.Sub(v.ReadAt) > StaleAfter }

// maxDocuments bounds what is kept of one service; what somebody else put there is left out.
const maxDocuments = 1000

// Documents reads what stands under a prefix, by version.
func Documents(entries []store.Entry, prefix string) map[string]Document {
	docs := map[string]Document{}
	for _, e := range entries {
		version, ours := strings.CutPrefix(e.Key, prefix)
		if !ours || version == "" || strings.Contains(version, "/") || len(docs) == maxDocuments {
			continue
		}
		docs[version] = document(e.Value)
	}
	return docs
}

// document reads one. Flags of kinds that no bundle has are somebody else's, and left out.
func document(text []byte) Document {
	var d struct {
		Document
		Schema int `json:"schema"`
	}
	if err := json.Unmarshal(text, &d); err != nil {
		return Document{Problem: "it is no JSON document of flags: " + err.Error()}
	}
	if d.Schema > runbook.Schema {
		return Document{Problem: fmt.Sprintf("a newer program wrote it: its schema is %d, and this program's %d", d.Schema, runbook.Schema)}
	}
	for name, value := range d.Flags {
		switch value.(type) {
		case bool, string, float64:
		default:
			delete(d.Flags, name)
		}
	}
	return d.Document
}
