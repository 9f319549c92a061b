package doctor

import (
	"strings"
	"testing"

	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/store"
	"github.com/autorollback/autorollback/test/servers"
	"github.com/autorollback/autorollback/view"
)

// leastPolicy is that of docs/operations.md.
const leastPolicy = `
key_prefix "autorollback/v1/"      { policy = "write" }
key        "routes/ranker/weights" { policy = "write" }
key_prefix "features/ranker/"      { policy = "write" }`

// A token is to be able to do what the daemon needs, and nothing else.
func TestRightsTooNarrowAndTooWide(t *testing.T) {
	consul := servers.ConsulACL(t)
	rb := &runbook.Runbook{Service: "ranker", Regions: []string{runbook.DefaultRegion}, Routing: runbook.Routing{Router: runbook.JSONKey, Key: "routes/ranker/weights", Flags: "features/ranker/"}}
	for name, c := range map[string]struct {
		rules string
		state view.CheckState
		what  string
	}{
		"least":              {leastPolicy, view.CheckOK, "and no others"},
		"everything":         {`key_prefix "" { policy = "write" }`, view.CheckDegraded, elsewhere},
		"not its own keys":   {strings.Replace(leastPolicy, `"write"`, `"read"`, 1), view.CheckOff, "may not write " + store.Root},
		"not the router's":   {strings.Replace(leastPolicy, `"routes/ranker/weights"`, `"routes/search/weights"`, 1), view.CheckOff, "may not write routes/ranker/weights"},
		"not the flags":      {strings.Replace(leastPolicy, "features/ranker/", "features/search/", 1), view.CheckOff, "may not write features/ranker/"},
		"a token of no more": {"", view.CheckOff, "may not write " + store.Root},
	} {
		t.Run(name, func(t *testing.T) {
			found := examineRights(t, consul.Addr, consul.Token(c.rules), rb)
			if len(found) == 0 || found[0].State != c.state || !strings.Contains(found[0].What, c.what) {
				t.Errorf("found %+v, want %s, %q", found, c.state, c.what)
			}
		})
	}
	t.Run("a token that Consul does not know", func(t *testing.T) {
		found := examineRights(t, consul.Addr, "10000000-0000-0000-0000-00000000000f", rb)
		if len(found) != 1 || !found[0].State.Finding() || !strings.Contains(found[0].What, "ACL not found") {
			t.Errorf("found %+v", found)
		}
	})
	t.Run("no Consul", func(t *testing.T) {
		found := examineRights(t, "127.0.0.1:1", "", rb)
		if len(found) != 1 || found[0].State != view.CheckOff || found[0].Fix != "start Consul, or correct --store" {
			t.Errorf("found %+v", found)
		}
	})
	t.Run("nothing stays", func(t *testing.T) {
		root, err := store.OpenConsul(store.ConsulConfig{Address: consul.Addr, Scheme: "http", Token: servers.ManagementToken, Replica: "test"})
		if err != nil {
			t.Fatal(err)
		}
		for _, prefix := range []string{store.Root, "routes/", "features/", elsewhere} {
			if snap, err := root.Read(t.Context(), prefix); err != nil || len(snap.Entries) > 0 {
				t.Errorf("under %s: %+v, %v", prefix, snap.Entries, err)
			}
		}
	})
}

func examineRights(t *testing.T, addr, token string, rb *runbook.Runbook) []view.Check {
	t.Helper()
	st, err := store.OpenConsul(store.ConsulConfig{Address: addr, Scheme: "http", Token: token, Replica: "doctor"})
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	p := &patient{Doctor: &Doctor{Store: st}, runbooks: []*runbook.Runbook{rb}}
	return p.rights(t.Context())
}
