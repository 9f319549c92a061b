package store

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/autorollback/autorollback/test/servers"
)

const (
	rootToken  = servers.ManagementToken
	guestToken = "10000000-0000-0000-0000-000000000002"

	guestAccessor = "10000000-0000-0000-0000-000000000003"
)

func TestAccessRules(t *testing.T) {
	addr := servers.ConsulACL(t).Addr
	root := as(t, addr, rootToken)
	f := fixture{Store: root, t: t, root: "rules/"}
	f.ok(f.set("open/a", "1", 0), f.set("hidden/a", "1", 0), f.set("readable/a", "1", 0))
	guestIs := `{"AccessorID":"` + guestAccessor + `","SecretID":"` + guestToken + `"}`
	if _, err := ask(t.Context(), http.MethodPut, addr, "/v1/acl/token", guestIs); err != nil {
		t.Fatal(err)
	}
	grant(t, addr, `
		key_prefix "`+queuePrefix+`"    { policy = "write" }
		key_prefix "rules/open/"       { policy = "write" }
		key_prefix "rules/readable/"   { policy = "read" }`)
	guest := as(t, addr, guestToken)
	g := fixture{Store: guest, t: t, root: "rules/"}

	t.Run("what is hidden is an error, not an absence", func(t *testing.T) {
		want(t, len(g.snap("open/", "readable/").Entries), 2)
		for _, prefixes := range [][]string{{"rules/"}, {"rules/open/", "rules/hidden/"}, {"rules/hidden/"}} {
			_, err := guest.Read(t.Context(), prefixes...)
			plain(t, err, `key_prefix "`+prefixes[0]+`" { policy = "read" }`)
		}
		for _, prefix := range []string{"rules/", "rules/hidden/"} {
			_, err := guest.Watch(t.Context(), prefix, 0)
			plain(t, err, `key_prefix "`+prefix+`" { policy = "read" }`)
		}
	})
	t.Run("a forbidden write says what to grant, at once", func(t *testing.T) {
		began := time.Now()
		at := f.index("open/a")
		plain(t, guest.Commit(t.Context(), NewTx(f.set("open/a", "2", at), f.set("readable/a", "2", at))),
			`key "rules/readable/a" { policy = "write" }`)
		plain(t, guest.Commit(t.Context(), NewTx(f.set("open/a", "2", at), f.check("hidden/a", at))),
			`key "rules/hidden/a" { policy = "read" }`)
		plain(t, guest.Commit(t.Context(), NewTx(f.check("readable/none", 0))),
			`key "rules/readable/none" { policy = "write" }`)
		want(t, f.value("open/a"), "1")
		if took := time.Since(began); took > 30*time.Second {
			t.Fatalf("it took %s", took)
		}
		g.ok(f.set("open/a", "2", at), f.check("readable/a", at))
	})
	t.Run("what may be written is found out without writing", func(t *testing.T) {
		before := f.index("open/a")
		for key, may := range map[string]bool{
			"rules/open/a": true, "rules/open/none": true, "rules/readable/a": false, "rules/hidden/a": false, "elsewhere": false,
		} {
			got, err := guest.MayWrite(t.Context(), key)
			if err != nil {
				t.Fatal(err)
			}
			want(t, got, may)
		}
		want(t, f.index("open/a"), before)
		want(t, len(f.snap("open/").Entries), 1)
		want(t, guest.Token(t.Context()), nil)
	})
	t.Run("a token that is not known", func(t *testing.T) {
		stranger := as(t, addr, "10000000-0000-0000-0000-00000000000f")
		plain(t, stranger.Commit(t.Context(), NewTx(f.set("open/a", "3", 0))), "ACL")
		_, err := stranger.Read(t.Context(), "rules/")
		plain(t, err, "ACL")
		_, err = stranger.MayWrite(t.Context(), "rules/open/a")
		plain(t, err, "ACL")
		plain(t, stranger.Token(t.Context()), "ACL not found")
	})
	t.Run("no right to its own bookkeeping", func(t *testing.T) {
		grant(t, addr, `key_prefix "rules/" { policy = "write" }`)
		plain(t, as(t, addr, guestToken).Commit(t.Context(), NewTx(f.set("open/b", "1", 0))),
			`key_prefix "`+queuePrefix+`" { policy = "write" }`)
	})
}

func as(t *testing.T, addr, token string) *Consul {
	t.Helper()
	c := client(t, addr)
	again, err := OpenConsul(ConsulConfig{Address: addr, Scheme: "http", Token: token, Replica: c.replica})
	if err != nil {
		t.Fatal(err)
	}
	return again
}

// grant gives the guest these rules and no others.
func grant(t *testing.T, addr, rules string) {
	t.Helper()
	name := "p" + NewTx().ID
	for _, r := range []struct{ path, body string }{
		{"/v1/acl/policy", `{"Name":"` + name + `","Rules":` + strconv.Quote(rules) + `}`},
		{"/v1/acl/token/" + guestAccessor, `{"Policies":[{"Name":"` + name + `"}]}`},
	} {
		if _, err := ask(t.Context(), http.MethodPut, addr, r.path, r.body); err != nil {
			t.Fatal(err)
		}
	}
}

func ask(ctx context.Context, method, addr, path, body string) (string, error) {
	req, err := http.NewRequestWithContext(ctx, method, "http://"+addr+path, strings.NewReader(body))
	if err != nil {
		return "", err
	}
	req.Header.Set("X-Consul-Token", rootToken)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %d %s", path, resp.StatusCode, text)
	}
	return string(text), err
}
