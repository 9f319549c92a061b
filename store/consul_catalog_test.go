package store

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/autorollback/autorollback/test/servers"
)

// The health of instances as the real catalog has it, and as access rules let it be seen.
func TestPassing(t *testing.T) {
	addr := servers.ConsulACL(t).Addr
	root := as(t, addr, rootToken)
	register := func(id string) {
		t.Helper()
		body := fmt.Sprintf(`{"ID":%q,"Name":"ranker-v1","Check":{"CheckID":%q,"TTL":"1h","Status":"passing"}}`, id, "check-"+id)
		if _, err := ask(t.Context(), http.MethodPut, addr, "/v1/agent/service/register", body); err != nil {
			t.Fatal(err)
		}
	}
	passing := func(c *Consul, want int) { // the agent tells the catalog a moment later
		t.Helper()
		n, err := c.Passing(t.Context(), "ranker-v1")
		for deadline := time.Now().Add(30 * time.Second); (n != want || err != nil) && time.Now().Before(deadline); {
			n, err = c.Passing(t.Context(), "ranker-v1")
		}
		if n != want || err != nil {
			t.Errorf("%d instances pass, %v; want %d", n, err, want)
		}
	}
	passing(root, 0)
	for _, id := range []string{"a", "b", "c"} {
		register(id)
	}
	passing(root, 3)
	for id, status := range map[string]string{"a": "warning", "b": "critical"} {
		if _, err := ask(t.Context(), http.MethodPut, addr, "/v1/agent/check/update/check-"+id, `{"Status":"`+status+`"}`); err != nil {
			t.Fatal(err)
		}
	}
	passing(root, 1)

	if _, err := ask(t.Context(), http.MethodPut, addr, "/v1/acl/token", `{"AccessorID":"`+guestAccessor+`","SecretID":"`+guestToken+`"}`); err != nil {
		t.Fatal(err)
	}
	grant(t, addr, `key_prefix "" { policy = "write" }`)
	guest := as(t, addr, guestToken)
	if n, err := guest.Passing(t.Context(), "ranker-v1"); err == nil || !strings.Contains(err.Error(), `service "ranker-v1" { policy = "read" }`) {
		t.Errorf("what is hidden is %d, %v", n, err)
	}
	grant(t, addr, `service "ranker-v1" { policy = "read" } node_prefix "" { policy = "read" }`)
	passing(guest, 1)
	if _, err := client(t, servers.FreeAddr(t)).Passing(t.Context(), "ranker-v1"); err == nil {
		t.Error("a Consul that is not there counts")
	}
}
