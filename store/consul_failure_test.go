package store

import (
	"errors"
	"strings"
	"testing"

	"github.com/hashicorp/consul/api"
)

func TestJudge(t *testing.T) {
	const none kind = -1
	rolledBack := func(what string) string { return `{"Errors":[{"OpIndex":0,"What":"` + what + `"}]}` }
	for _, c := range []struct {
		name   string
		status int
		body   string
		kind   kind
		says   string
	}{
		{"applied", 200, `{"Results":[]}`, none, ""},
		{"applied, answer cut short", 200, `{"Resu`, unclear, "200"},
		{"conflict, answer cut short", 409, ``, unclear, "409"},
		{"cas", 409, rolledBack(`failed to set key \"a\", index is stale`), stale, "index is stale"},
		{"delete", 409, rolledBack(`failed to delete key \"a\", index is stale`), stale, ""},
		{"check", 409, rolledBack(`failed index check for key \"a\", current modify index 2 != 1`), stale, ""},
		{"check of no key", 409, rolledBack(`failed to check index, key \"a\" doesn't exist`), stale, ""},
		{"check for no key", 409, rolledBack(`key \"a\" exists`), stale, ""},
		{"permission", 409, rolledBack(`Permission denied: lacks permission`), refused, `key "app/a" { policy = "write" }`},
		{"permission, old words", 409, rolledBack(`rpc error: Permission denied`), refused, `"write"`},
		{"permission to check", 409, `{"Errors":[{"OpIndex":1,"What":"Permission denied"}]}`, refused, `key "app/b" { policy = "read" }`},
		{"permission, no such operation", 409, `{"Errors":[{"OpIndex":7,"What":"Permission denied"}]}`, refused, "Permission denied"},
		{"a reason not known", 409, rolledBack(`unknown KV operation: cas`), refused, "unknown KV"},
		{"no reason", 409, `{}`, refused, "without a reason"},
		{"token", 403, `ACL not found`, refused, "ACL not found"},
		{"body", 400, `Failed to parse body`, refused, "parse"},
		{"too large", 413, `Request body too large`, refused, "too large"},
		{"rate limit", 429, `rate limit exceeded`, notApplied, ""},
		{"unavailable", 503, ``, notApplied, ""},
		{"no leader", 500, `No cluster leader`, notApplied, ""},
		{"no leader, forwarded", 500, `rpc error making call: No cluster leader`, notApplied, ""},
		{"no path", 500, `No path to datacenter`, notApplied, ""},
		{"far away", 500, `Remote DC has no server currently reachable`, notApplied, ""},
		{"EOF", 500, `rpc error making call: EOF`, unclear, "EOF"},
		{"leadership lost", 500, `leadership lost while committing log`, unclear, ""},
		{"raft", 500, `raft apply failed: timed out enqueuing operation`, unclear, ""},
		{"a proxy", 502, `Bad Gateway`, unclear, ""},
		{"a redirect", 307, ``, unclear, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			ops := []api.KVTxnOp{{Verb: api.KVCAS, Key: "app/a"}, {Verb: api.KVCheckIndex, Key: "app/b"}}
			_, err := judge(c.status, []byte(c.body), ops)
			if c.kind == none {
				if err != nil {
					t.Fatal(err)
				}
				return
			}
			if err == nil || kindOf(err) != c.kind || !strings.Contains(err.Error(), c.says) {
				t.Fatalf("got %d: %v; want %d: %s", kindOf(err), err, c.kind, c.says)
			}
			want(t, errors.Is(err, ErrConflict), c.kind == stale)
		})
	}
}

func TestUnanswered(t *testing.T) {
	want(t, kindOf(unanswered(errors.New("refused"), false)), notApplied)
	want(t, kindOf(unanswered(errors.New("reset"), true)), unclear)
	want(t, kindOf(errors.New("anything else")), unclear)
}
