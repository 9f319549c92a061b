package store

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/autorollback/autorollback/outbound"
)

// ConfigEntry is the place of Consul's config entries: an entry has the key
// "config-entry://KIND/NAME". Its value is JSON with sorted fields, without what Consul counts.
// They cannot join a transaction of other keys: one [Set] is a transaction of its own. A prefix
// is a whole key there, and only [Consul] has them.
const ConfigEntry = "config-entry"

// Place is what stands before the :// of a key; empty: the store itself. A transaction has keys
// of one place.
func Place(key string) string {
	place, _, found := strings.Cut(key, "://")
	if !found {
		return ""
	}
	return place
}

// counted are the fields of an entry that Consul fills in.
var counted = []string{"CreateIndex", "ModifyIndex", "Hash"}

// readEntries reads config entries by their keys; one that is not there is left out. Each is
// read consistently, one after the other.
func (c *Consul) readEntries(ctx context.Context, keys []string) ([]Entry, error) {
	var all []Entry
	for _, key := range keys {
		status, body, err := c.config(ctx, http.MethodGet, "/"+strings.TrimPrefix(key, ConfigEntry+"://"), "consistent", nil)
		if err == nil && status == http.StatusNotFound {
			continue
		}
		if err == nil && status != http.StatusOK {
			err = configRefusal(key, "read", status, body)
		}
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", key, err)
		}
		e, err := configEntry(key, body)
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", key, err)
		}
		all = append(all, e)
	}
	return all, nil
}

func configEntry(key string, body []byte) (Entry, error) {
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.UseNumber()
	var fields map[string]any
	if err := dec.Decode(&fields); err != nil {
		return Entry{}, err
	}
	at, _ := fields["ModifyIndex"].(json.Number)
	index, err := strconv.ParseUint(at.String(), 10, 64)
	if err != nil || index == 0 {
		return Entry{}, fmt.Errorf("ModifyIndex is %q", at)
	}
	for _, name := range counted {
		delete(fields, name)
	}
	value, err := json.Marshal(fields)
	return Entry{Key: key, Value: value, Index: index}, err
}

// setEntry writes a config entry if it is at the operation's index. Consul answers the same to
// content that stands there already, whatever its index: a writer that must know that it was
// the last one puts something of its own into it.
func (c *Consul) setEntry(ctx context.Context, op Op) error {
	status, body, err := c.config(ctx, http.MethodPut, "", "cas="+strconv.FormatUint(op.Index, 10), op.Value)
	switch answer := strings.TrimSpace(string(body)); {
	case errors.Is(err, errNotSent):
		return err
	case err != nil:
		return fmt.Errorf("%w: %w", ErrUnsettled, err)
	case status == http.StatusOK && answer == "true":
		return nil
	case status == http.StatusOK && answer == "false":
		return fmt.Errorf("key %q is not at index %d: %w", op.Key, op.Index, ErrConflict)
	case kindOfStatus(status, answer) == unclear && !strings.HasPrefix(answer, "service "):
		return fmt.Errorf("%w: %w", ErrUnsettled, configRefusal(op.Key, "write", status, body))
	}
	return configRefusal(op.Key, "write", status, body)
}

// configRefusal says what to grant where a right is missing.
func configRefusal(key, policy string, status int, body []byte) error {
	err := fmt.Errorf("answer %d: %s", status, outbound.Excerpt(string(body)))
	if status != http.StatusForbidden {
		return err
	}
	name := key[strings.LastIndexByte(key, '/')+1:]
	return fmt.Errorf("%w: grant the token the ACL rule service %q { policy = %q }", err, name, policy)
}

// errNotSent means that a request did not reach Consul.
var errNotSent = errors.New("not sent")

// config asks the config entries of the primary datacenter, where each is written: elsewhere an
// entry is a copy with another index.
func (c *Consul) config(ctx context.Context, method, path, query string, body []byte) (int, []byte, error) {
	primary, err := c.primaryDatacenter(ctx)
	if err != nil {
		return 0, nil, fmt.Errorf("%w: %w", errNotSent, err)
	}
	return c.ask(ctx, method, "/v1/config"+path, query+"&dc="+url.QueryEscape(primary), body)
}

func (c *Consul) primaryDatacenter(ctx context.Context) (string, error) {
	if known := c.primary.Load(); known != nil {
		return *known, nil
	}
	status, body, err := c.ask(ctx, http.MethodGet, "/v1/agent/self", "", nil)
	if err == nil && status == http.StatusForbidden {
		err = errors.New(`grant the token the ACL rule agent_prefix "" { policy = "read" }`)
	}
	var self struct {
		Config struct{ PrimaryDatacenter string }
	}
	if err == nil {
		err = json.Unmarshal(body, &self)
	}
	if err == nil && self.Config.PrimaryDatacenter == "" {
		err = fmt.Errorf("answer %d: %s", status, outbound.Excerpt(string(body)))
	}
	if err != nil {
		return "", fmt.Errorf("ask which datacenter is the primary one: %w", err)
	}
	c.primary.Store(&self.Config.PrimaryDatacenter)
	return self.Config.PrimaryDatacenter, nil
}

// ask sends one request to the agent, for as long as one attempt lasts.
func (c *Consul) ask(ctx context.Context, method, path, query string, body []byte) (int, []byte, error) {
	status, _, text, err := c.askHeader(ctx, method, path, query, body)
	return status, text, err
}

func (c *Consul) askHeader(ctx context.Context, method, path, query string, body []byte) (int, http.Header, []byte, error) {
	ctx, cancel := context.WithTimeout(ctx, c.attempts)
	defer cancel()
	base, _, _ := strings.Cut(c.txnURL, "/v1/txn")
	req, err := http.NewRequestWithContext(ctx, method, base+path+"?"+query, bytes.NewReader(body))
	if err != nil {
		return 0, nil, nil, fmt.Errorf("%w: %w", errNotSent, err)
	}
	req.Header.Set("Content-Type", "application/json")
	if c.token != "" {
		req.Header.Set("X-Consul-Token", c.token)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return 0, nil, nil, outbound.Cause(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	return resp.StatusCode, resp.Header, text, err
}
