package ofrep

import (
	"encoding/json"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/autorollback/autorollback/test/servers"
)

// wants asks a reader for a flag with a default of its type.
func wants(t *testing.T, r *servers.FlagReader, version, key string, byDefault, value any, variant, reason, code string) {
	t.Helper()
	context := map[string]any{"service": "ranker", "version": version}
	if version == "" {
		delete(context, "version")
	}
	want := servers.Flag{Value: value, Variant: variant, Reason: reason, Error: code}
	if got := r.Evaluate(key, byDefault, context); got != want {
		t.Errorf("%s of %q: %+v, want %+v", key, version, got, want)
	}
}

// OpenFeature's SDK reads what we serve, with its own types, variants, reasons and errors.
func TestRealSDK(t *testing.T) {
	st := open(t)
	m := memoryOf(t, st)
	web := httptest.NewServer(handlerOf(t, m))
	defer web.Close()
	sdk := servers.ReadFlags(t, "ofrep", web.URL, token)
	wants(t, sdk, "v1", "encoder", "none", "v4", "on", Match, "")
	wants(t, sdk, "v1", "new", false, true, "on", Match, "")
	wants(t, sdk, "v1", "depth", 1.0, 4.0, "on", Match, "")
	wants(t, sdk, "v2", "encoder", "none", "v4", "off", Match, "")
	wants(t, sdk, "v2", "new", true, false, "off", Match, "")
	wants(t, sdk, "v2", "depth", 1.0, 1.0, "", "ERROR", FlagNotFound)
	wants(t, sdk, "v9", "encoder", "none", "none", "", "ERROR", FlagNotFound)
	wants(t, sdk, "", "encoder", "none", "none", "", "ERROR", InvalidContext)
	set(t, st, "v2", `{"schema":1,"bundle":"sha256:bb","flags":{"encoder":"v5","new":true,"depth":8},"serving":true,"quarantined":false}`)
	m.refresh(t.Context(), m.Targets())
	wants(t, sdk, "v2", "encoder", "none", "v5", "on", Match, "")
	wants(t, sdk, "v2", "depth", 1.0, 8.0, "on", Match, "")

	stranger := servers.ReadFlags(t, "ofrep", web.URL, "another-token-of-at-least-32-bytes")
	wants(t, stranger, "v1", "encoder", "none", "none", "", "ERROR", General)
}

// document is what a program that polls us gets, in a file.
func fetched(t *testing.T, path string) string {
	t.Helper()
	st := open(t)
	w := ask(handlerOf(t, memoryOf(t, st)), "GET", path, "")
	if w.Code != 200 {
		t.Fatalf("%s: %d %s", path, w.Code, w.Body)
	}
	file := filepath.Join(t.TempDir(), "flags.json")
	if err := os.WriteFile(file, w.Body.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// flagd's own evaluator takes the document, and its JSON schema has no objection.
func TestRealFlagd(t *testing.T) {
	flagd := servers.ReadFlags(t, "flagd", fetched(t, "/flagd/ranker.json"))
	wants(t, flagd, "v1", "encoder", "none", "v4", "v1", "TARGETING_MATCH", "")
	wants(t, flagd, "v1", "new", false, true, "v1", "TARGETING_MATCH", "")
	wants(t, flagd, "v1", "depth", 1.0, 4.0, "v1", "TARGETING_MATCH", "")
	wants(t, flagd, "v2", "encoder", "none", "v4", "v2", "TARGETING_MATCH", "")
	wants(t, flagd, "v2", "new", true, false, "v2", "TARGETING_MATCH", "")
	wants(t, flagd, "v2", "depth", 1.0, 1.0, "", "ERROR", FlagNotFound)
	wants(t, flagd, "v9", "encoder", "none", "none", "", "ERROR", FlagNotFound)
	wants(t, flagd, "", "encoder", "none", "none", "", "ERROR", FlagNotFound)
}

func TestRealGoFeatureFlag(t *testing.T) {
	goff := servers.ReadFlags(t, "goff", fetched(t, "/goff/ranker"))
	wants(t, goff, "v1", "encoder", "none", "v4", "v1", "TARGETING_MATCH", "")
	wants(t, goff, "v1", "new", false, true, "v1", "TARGETING_MATCH", "")
	wants(t, goff, "v1", "depth", 1.0, 4.0, "v1", "TARGETING_MATCH", "")
	wants(t, goff, "v2", "new", true, false, "v2", "TARGETING_MATCH", "")
	wants(t, goff, "v2", "depth", 1.0, 0.0, unknown, "DEFAULT", "")
	wants(t, goff, "v9", "encoder", "none", "", unknown, "DEFAULT", "")
	wants(t, goff, "", "new", true, false, unknown, "DEFAULT", "")
}

func TestExportLeavesOutWhatHasNoPlace(t *testing.T) {
	v := View{Service: "ranker", Region: "default", Documents: map[string]Document{
		"v1": {Flags: map[string]any{"depth": 4.0, "new": true}}, "v2": {Flags: map[string]any{"depth": "4"}}, "v3": {Problem: "no JSON"},
	}}
	for _, format := range Formats() {
		doc, leftOut, err := Export(v, format)
		if err != nil {
			t.Fatal(err)
		}
		text, err := json.Marshal(doc)
		if err != nil || strings.Contains(string(text), "depth") || !strings.Contains(string(text), `"new"`) {
			t.Errorf("%s %v", text, err)
		}
		if got := strings.Join(leftOut, "; "); got != "the document of version v3: no JSON; flag depth: its versions have different types" {
			t.Errorf("left out: %s", got)
		}
	}
	if _, _, err := Export(v, "unleash"); err == nil {
		t.Error("a format that nobody knows is made")
	}
}
