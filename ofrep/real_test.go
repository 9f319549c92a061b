package ofrep

import (
	"bufio"
	"bytes"
	"encoding/json"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/autorollback/autorollback/test/servers"
)

// A reader is a program that evaluates flags.
type reader struct {
	t   *testing.T
	in  *json.Encoder
	out *bufio.Scanner
}

// reading starts one; it ends with the test.
func reading(t *testing.T, args ...string) reader {
	t.Helper()
	cmd := exec.Command(servers.OpenFeature(t), args...)
	var said bytes.Buffer // flagd's schema objects there
	cmd.Stderr = &said
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = in.Close()
		if err := cmd.Wait(); err != nil || said.Len() > 0 {
			t.Errorf("openfeature %s: %v\n%s", args[0], err, said.String())
		}
	})
	return reader{t, json.NewEncoder(in), bufio.NewScanner(out)}
}

// wants asks for a flag with a default of its type.
func (r reader) wants(version, key string, byDefault, value any, variant, reason, code string) {
	r.t.Helper()
	context := map[string]any{"service": "ranker", "version": version}
	if version == "" {
		delete(context, "version")
	}
	if err := r.in.Encode(map[string]any{"key": key, "default": byDefault, "context": context}); err != nil {
		r.t.Fatal(err)
	}
	if !r.out.Scan() {
		r.t.Fatalf("no answer: %v", r.out.Err())
	}
	var got struct {
		Value                  any
		Variant, Reason, Error string
	}
	if err := json.Unmarshal(r.out.Bytes(), &got); err != nil {
		r.t.Fatal(err)
	}
	if got.Value != value || got.Variant != variant || got.Reason != reason || got.Error != code {
		r.t.Errorf("%s of %q: %+v, want %v %q %s %s", key, version, got, value, variant, reason, code)
	}
}

// OpenFeature's SDK reads what we serve, with its own types, variants, reasons and errors.
func TestRealSDK(t *testing.T) {
	st := open(t)
	m := memoryOf(t, st)
	web := httptest.NewServer(handlerOf(t, m))
	defer web.Close()
	sdk := reading(t, "ofrep", web.URL, token)
	sdk.wants("v1", "encoder", "none", "v4", "on", Match, "")
	sdk.wants("v1", "new", false, true, "on", Match, "")
	sdk.wants("v1", "depth", 1.0, 4.0, "on", Match, "")
	sdk.wants("v2", "encoder", "none", "v4", "off", Match, "")
	sdk.wants("v2", "new", true, false, "off", Match, "")
	sdk.wants("v2", "depth", 1.0, 1.0, "", "ERROR", FlagNotFound)
	sdk.wants("v9", "encoder", "none", "none", "", "ERROR", FlagNotFound)
	sdk.wants("", "encoder", "none", "none", "", "ERROR", InvalidContext)
	set(t, st, "v2", `{"schema":1,"bundle":"sha256:bb","flags":{"encoder":"v5","new":true,"depth":8},"serving":true,"quarantined":false}`)
	m.refresh(t.Context(), m.Targets())
	sdk.wants("v2", "encoder", "none", "v5", "on", Match, "")
	sdk.wants("v2", "depth", 1.0, 8.0, "on", Match, "")

	stranger := reading(t, "ofrep", web.URL, "another-token-of-at-least-32-bytes")
	stranger.wants("v1", "encoder", "none", "none", "", "ERROR", General)
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
	flagd := reading(t, "flagd", fetched(t, "/flagd/ranker.json"))
	flagd.wants("v1", "encoder", "none", "v4", "v1", "TARGETING_MATCH", "")
	flagd.wants("v1", "new", false, true, "v1", "TARGETING_MATCH", "")
	flagd.wants("v1", "depth", 1.0, 4.0, "v1", "TARGETING_MATCH", "")
	flagd.wants("v2", "encoder", "none", "v4", "v2", "TARGETING_MATCH", "")
	flagd.wants("v2", "new", true, false, "v2", "TARGETING_MATCH", "")
	flagd.wants("v2", "depth", 1.0, 1.0, "", "ERROR", FlagNotFound)
	flagd.wants("v9", "encoder", "none", "none", "", "ERROR", FlagNotFound)
	flagd.wants("", "encoder", "none", "none", "", "ERROR", FlagNotFound)
}

func TestRealGoFeatureFlag(t *testing.T) {
	goff := reading(t, "goff", fetched(t, "/goff/ranker"))
	goff.wants("v1", "encoder", "none", "v4", "v1", "TARGETING_MATCH", "")
	goff.wants("v1", "new", false, true, "v1", "TARGETING_MATCH", "")
	goff.wants("v1", "depth", 1.0, 4.0, "v1", "TARGETING_MATCH", "")
	goff.wants("v2", "new", true, false, "v2", "TARGETING_MATCH", "")
	goff.wants("v2", "depth", 1.0, 0.0, unknown, "DEFAULT", "")
	goff.wants("v9", "encoder", "none", "", unknown, "DEFAULT", "")
	goff.wants("", "new", true, false, unknown, "DEFAULT", "")
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
