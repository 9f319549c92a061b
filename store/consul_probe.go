package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/autorollback/autorollback/outbound"
	"github.com/hashicorp/consul/api"
)

// never is an index that no entry has.
const never = 1 << 60

// MayWrite reports whether the token may write a key. It asks for a write that cannot
// succeed: access rules are looked at first, and then the key is not at that index. Any
// error is another one than a missing right.
func (c *Consul) MayWrite(ctx context.Context, key string) (bool, error) {
	if err := checkKey(key); err != nil {
		return false, fmt.Errorf("try to write: %w", err)
	}
	if Place(key) != "" {
		return c.maySplit(ctx, key)
	}
	_, err := c.txn(ctx, []api.KVTxnOp{{Verb: api.KVCAS, Key: key, Index: never}})
	switch {
	case err == nil:
		return true, fmt.Errorf("try to write %s: it was at index %d", key, uint64(never))
	case kindOf(err) == stale:
		return true, nil
	case kindOf(err) == refused && strings.Contains(err.Error(), "Permission denied"):
		return false, nil
	}
	return false, fmt.Errorf("try to write %s: %w", key, err)
}

// maySplit is MayWrite of a service-splitter. Consul looks whether an entry makes sense before it
// looks at access rules, and at the index last.
func (c *Consul) maySplit(ctx context.Context, key string) (bool, error) {
	name, ok := strings.CutPrefix(key, ConfigEntry+"://service-splitter/")
	if !ok {
		return false, fmt.Errorf("try to write %s: it is not a service-splitter", key)
	}
	probe := fmt.Appendf(nil, `{"Kind":"service-splitter","Name":%q,"Meta":{"autorollback":"probe"},"Splits":[{"Weight":100}]}`, name)
	err := c.setEntry(ctx, Op{Key: key, Value: probe, Index: never})
	switch {
	case errors.Is(err, ErrConflict):
		return true, nil
	case err == nil:
		return true, fmt.Errorf("try to write %s: it was at index %d", key, uint64(never))
	case strings.Contains(err.Error(), "Permission denied"):
		return false, nil
	}
	return false, fmt.Errorf("try to write %s: %w", key, err)
}

// ErrNoACLs means that Consul has no access rules: everybody may do everything.
var ErrNoACLs = errors.New("Consul's ACLs are off")

// Token returns an error if Consul does not know our token, and [ErrNoACLs] if it knows none.
func (c *Consul) Token(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, c.attempts)
	defer cancel()
	url := strings.Replace(c.txnURL, "/v1/txn?", "/v1/acl/token/self?", 1)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	if c.token != "" {
		req.Header.Set("X-Consul-Token", c.token)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return fmt.Errorf("ask Consul about our token: %w", outbound.Cause(err))
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, 4096))
	switch {
	case err != nil:
		return fmt.Errorf("ask Consul about our token: %w", err)
	case strings.Contains(string(text), "ACL support disabled"):
		return ErrNoACLs
	case resp.StatusCode != http.StatusOK:
		return fmt.Errorf("ask Consul about our token: answer %d: %s", resp.StatusCode, outbound.Excerpt(string(text)))
	}
	return nil
}
