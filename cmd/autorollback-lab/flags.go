package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
)

// flags prints what each version's servers read now: the candidate's must say that it
// serves nobody.
func (t *narrator) flags(ctx context.Context) error {
	snap, err := t.daemon.Store.Read(ctx, t.runbook.Routing.Flags)
	if err != nil {
		return fmt.Errorf("read flags: %w", err)
	}
	for _, e := range snap.Entries {
		t.say("flags of %s: %s", strings.TrimPrefix(e.Key, t.runbook.Routing.Flags), e.Value)
		var doc struct{ Serving bool }
		if err := json.Unmarshal(e.Value, &doc); err != nil {
			return fmt.Errorf("read %s: %w", e.Key, err)
		}
		stable := strings.HasSuffix(e.Key, "/"+t.release.Stable.Version)
		if doc.Serving != stable {
			return fmt.Errorf("demo: %s says serving %v", e.Key, doc.Serving)
		}
	}
	return nil
}
