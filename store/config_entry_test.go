package store

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/autorollback/autorollback/test/servers"
)

const splitterKey = ConfigEntry + "://service-splitter/ranker"

// meshOf gives Consul what a splitter of ranker needs.
func meshOf(t *testing.T, c *Consul) {
	t.Helper()
	for _, e := range []struct{ key, text string }{
		{"service-defaults/ranker", `{"Kind":"service-defaults","Name":"ranker","Protocol":"http"}`},
		{"service-resolver/ranker", `{"Kind":"service-resolver","Name":"ranker","DefaultSubset":"v1","Subsets":{"v1":{"Filter":"Service.Meta.version == v1"},"v2":{"Filter":"Service.Meta.version == v2"}}}`},
	} {
		if err := c.Commit(t.Context(), NewTx(Op{Key: ConfigEntry + "://" + e.key, Value: []byte(e.text)})); err != nil {
			t.Fatal(err)
		}
	}
}

func split(v2 int, mark string) []byte {
	return fmt.Appendf(nil, `{"Kind":"service-splitter","Meta":{"autorollback":%q},"Name":"ranker","Splits":[{"ServiceSubset":"v1","Weight":%d},{"ServiceSubset":"v2","Weight":%d}]}`, mark, 100-v2, v2)
}

func TestConfigEntriesAreSetAtTheirIndex(t *testing.T) {
	server := servers.Consul(t)
	c := client(t, server.Addr)
	meshOf(t, c)
	read := func() Entry {
		t.Helper()
		snap, err := c.Read(t.Context(), splitterKey, ControlKey)
		if err != nil {
			t.Fatal(err)
		}
		e, _ := snap.Get(splitterKey)
		return e
	}
	commit := func(index uint64, value []byte) error {
		return c.Commit(t.Context(), NewTx(Op{Key: splitterKey, Value: value, Index: index}))
	}
	if e := read(); e.Index != 0 {
		t.Fatalf("there is %s before anybody wrote it", e.Value)
	}
	if err := commit(0, split(5, "a")); err != nil {
		t.Fatal(err)
	}
	first := read()
	if string(first.Value) != string(split(5, "a")) {
		t.Fatalf("written %s\nread    %s", split(5, "a"), first.Value)
	}
	if err := commit(0, split(6, "b")); !errors.Is(err, ErrConflict) {
		t.Fatalf("created over another: %v", err)
	}
	if err := commit(first.Index, split(0, "c")); err != nil {
		t.Fatal(err)
	}
	if err := commit(first.Index, split(20, "d")); !errors.Is(err, ErrConflict) {
		t.Fatalf("an older index: %v", err)
	}
	second := read()
	// Consul says yes to what stands there, whatever the index: so a writer marks its own.
	if err := commit(first.Index, split(0, "c")); err != nil || read().Index != second.Index {
		t.Fatalf("the same content at an older index: %v, index %d, was %d", err, read().Index, second.Index)
	}
	if err := commit(second.Index, []byte(strings.Replace(string(split(0, "e")), `"v2"`, `"v9"`, 1))); err == nil || errors.Is(err, ErrUnsettled) || errors.Is(err, ErrConflict) || !strings.Contains(err.Error(), `subset named "v9"`) {
		t.Fatalf("a subset that nobody defines: %v", err)
	}
}

func TestConfigEntriesJoinNoTransaction(t *testing.T) {
	for name, ops := range map[string][]Op{
		"with a key":  {{Key: splitterKey, Value: []byte("{}")}, {Key: "a", Value: []byte("b")}},
		"checked":     {{Verb: Check, Key: splitterKey}},
		"deleted":     {{Verb: Delete, Key: splitterKey, Index: 1}},
		"without one": {{Key: ConfigEntry + "://service-splitter", Value: []byte("{}")}},
	} {
		if err := NewTx(ops...).check(); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	f := tempFile(t)
	if _, err := f.Read(t.Context(), splitterKey); err == nil || !strings.Contains(err.Error(), "there is no config-entry in a file") {
		t.Errorf("a file: %v", err)
	}
	if err := f.Commit(t.Context(), NewTx(Op{Key: splitterKey, Value: []byte("{}")})); err == nil || !strings.Contains(err.Error(), "there is no config-entry in a file") {
		t.Errorf("a file: %v", err)
	}
}

// What a token needs, and what it is told to ask for.
func TestConfigEntriesNeedRights(t *testing.T) {
	server := servers.ConsulACL(t)
	meshOf(t, as(t, server.Addr, servers.ManagementToken))
	for _, tt := range []struct {
		rules, write, read string
	}{
		{`agent_prefix "" { policy = "read" } service "ranker" { policy = "write" }`, "", ""},
		{`service "ranker" { policy = "write" }`, `agent_prefix "" { policy = "read" }`, `agent_prefix "" { policy = "read" }`},
		{`agent_prefix "" { policy = "read" } service "ranker" { policy = "read" }`, `service "ranker" { policy = "write" }`, ""},
		{`agent_prefix "" { policy = "read" }`, `service "ranker" { policy = "write" }`, `service "ranker" { policy = "read" }`},
	} {
		c := as(t, server.Addr, server.Token(tt.rules))
		if may, err := c.MayWrite(t.Context(), splitterKey); may != (tt.write == "") || (err == nil) != strings.Contains(tt.rules, "agent_prefix") {
			t.Errorf("%s: may write is %v, %v", tt.rules, may, err)
		}
		_, err := c.Read(t.Context(), splitterKey, ConfigEntry+"://service-resolver/ranker", ConfigEntry+"://service-router/ranker",
			ConfigEntry+"://service-defaults/ranker", ConfigEntry+"://proxy-defaults/global")
		if !says(err, tt.read) {
			t.Errorf("%s: reads: %v, want %q", tt.rules, err, tt.read)
		}
		if err = c.Commit(t.Context(), NewTx(Op{Key: splitterKey, Value: split(5, "a")})); !says(err, tt.write) {
			t.Errorf("%s: writes: %v, want %q", tt.rules, err, tt.write)
		}
	}
}

func says(err error, want string) bool {
	return want == "" && err == nil || want != "" && err != nil && strings.Contains(err.Error(), want)
}
