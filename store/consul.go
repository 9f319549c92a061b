package store

import (
	"cmp"
	"crypto/rand"
	"errors"
	"fmt"
	mathrand "math/rand/v2"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"github.com/autorollback/autorollback/outbound"
	"github.com/autorollback/autorollback/secret"
	"github.com/hashicorp/consul/api"
)

// ConsulConfig says where Consul is. What is left empty is taken from the
// environment that Consul's own tools read, then from their defaults.
type ConsulConfig struct {
	Address    string // host:port, or http://… or https://… with it
	Scheme     string // http or https
	Token      string
	Datacenter string         // empty means the agent's own
	Allow      []netip.Prefix // what may be called; see [outbound.Options]

	CAFile, CertFile, KeyFile string // TLS, PEM
	ServerName                string // the name in the server's certificate

	// Transport carries every request, if it is set; TLS is then its own.
	Transport http.RoundTripper
	// Jitter draws a pause of less than most; nil: at random.
	Jitter func(most time.Duration) time.Duration

	// Replica names this process. Two processes that run at once must not share
	// it; a process keeps it when it starts again.
	Replica string
}

const (
	mostAnswer = 64 << 20 // bytes; a router's whole tree is the longest
	leastToken = 16       // bytes
)

// A Consul is a store in Consul's KV, for any number of processes.
type Consul struct {
	// The two calls that are used, and not the client: what a template may reach through a
	// field's type is linked, and from the client that is all of Consul's API.
	get  func(key string, q *api.QueryOptions) (*api.KVPair, *api.QueryMeta, error)
	list func(prefix string, q *api.QueryOptions) (api.KVPairs, *api.QueryMeta, error)

	primary  atomic.Pointer[string] // the primary datacenter, once it is known
	http     *http.Client
	txnURL   string
	token    string
	replica  string
	life     string      // tells this process from the one before of that name
	queues   chan *queue // those that no commit is using
	attempts time.Duration
	maxWait  time.Duration
	jitter   func(most time.Duration) time.Duration
}

var _ Store = (*Consul)(nil)

// OpenConsul makes a client and asks Consul nothing yet, so that a program can
// start before Consul does.
func OpenConsul(cfg ConsulConfig) (*Consul, error) {
	if strings.HasPrefix(cfg.Address, "unix:") {
		return nil, fmt.Errorf("open consul: %s: unix sockets are not supported, name a host and port", cfg.Address)
	}
	if strings.Contains(cfg.Replica, "/") || checkKey(cfg.Replica) != nil {
		return nil, fmt.Errorf("open consul: replica name %q: use A-Z a-z 0-9 . _ @ : -", cfg.Replica)
	}
	conf, err := cfg.client()
	if err != nil {
		return nil, fmt.Errorf("open consul: %w", err)
	}
	client, err := api.NewClient(conf) // fills in what conf leaves open
	if err != nil {
		return nil, fmt.Errorf("open consul: %w", err)
	}
	kv := client.KV()
	c := &Consul{
		get: func(key string, q *api.QueryOptions) (*api.KVPair, *api.QueryMeta, error) {
			pair, meta, err := kv.Get(key, q)
			return pair, meta, brief(err)
		},
		list: func(prefix string, q *api.QueryOptions) (api.KVPairs, *api.QueryMeta, error) {
			pairs, meta, err := kv.List(prefix, q)
			return pairs, meta, brief(err)
		},
		http:     conf.HttpClient,
		txnURL:   txnURL(conf),
		token:    conf.Token,
		replica:  cfg.Replica,
		life:     rand.Text(),
		queues:   make(chan *queue, queueCount),
		attempts: 5 * time.Second,
		jitter:   cfg.Jitter,
		maxWait:  30 * time.Second,
	}
	if c.jitter == nil {
		c.jitter = mathrand.N[time.Duration]
	}
	for n := range queueCount {
		c.queues <- &queue{key: queueKey(cfg.Replica, n)}
	}
	return c, nil
}

// client is the configuration of Consul's own client, whose HTTP client is ours: no redirect takes the
// token elsewhere. A secret in the environment is refused: processes inherit it.
func (cfg ConsulConfig) client() (*api.Config, error) {
	conf := api.DefaultConfig()
	conf.Token = cfg.Token
	if err := cfg.tokenFromEnvironment(conf); err != nil {
		return nil, err
	}
	conf.Datacenter = cfg.Datacenter
	conf.Address = cmp.Or(cfg.Address, conf.Address)
	conf.Scheme = cmp.Or(cfg.Scheme, conf.Scheme)
	t := &conf.TLSConfig
	t.CAFile, t.CertFile = cmp.Or(cfg.CAFile, t.CAFile), cmp.Or(cfg.CertFile, t.CertFile)
	t.KeyFile, t.Address = cmp.Or(cfg.KeyFile, t.KeyFile), cmp.Or(cfg.ServerName, t.Address)
	made, err := api.SetupTLSConfig(t)
	if err != nil {
		return nil, err
	}
	conf.HttpClient = outbound.New(outbound.Options{Allow: cfg.Allow, TLS: made, Most: mostAnswer, Transport: cfg.Transport})
	return conf, nil
}

// tokenFromEnvironment reads the file that Consul's tools read the token from, if we have none.
func (cfg ConsulConfig) tokenFromEnvironment(conf *api.Config) error {
	conf.HttpAuth = nil
	if cfg.Token != "" {
		return nil
	}
	for _, name := range []string{api.HTTPTokenEnvName, api.HTTPAuthEnvName} {
		if os.Getenv(name) != "" {
			return fmt.Errorf("%s is set, and child processes would inherit it: unset it, and name a file with the token in it, "+
				"--store.consul-token-file or %s", name, api.HTTPTokenFileEnvName)
		}
	}
	if conf.TokenFile == "" {
		return nil
	}
	token, err := ConsulToken(conf.TokenFile)
	conf.Token = token.Reveal()
	return err
}

// ConsulToken reads the file of an ACL token. Consul makes UUIDs; what it takes as a token that an
// administrator chose is not ours to judge, beyond its being a secret.
func ConsulToken(path string) (secret.Value, error) {
	text, err := secret.Read(path, secret.Group)
	if err != nil {
		return secret.Value{}, fmt.Errorf("read Consul token: %w", err)
	}
	all, err := secret.Tokens(text, leastToken)
	if err == nil && len(all) > 1 {
		err = errors.New("more than one token in it")
	}
	if err != nil {
		return secret.Value{}, fmt.Errorf("read Consul token: %s: %w", path, err)
	}
	return all[0], nil
}

// txnURL asks for consistent reads; Consul ignores that where it writes.
func txnURL(conf *api.Config) string {
	u := url.URL{Scheme: conf.Scheme, Host: conf.Address, Path: conf.PathPrefix + "/v1/txn"}
	u.RawQuery = "consistent"
	if conf.Datacenter != "" {
		u.RawQuery += "&dc=" + url.QueryEscape(conf.Datacenter)
	}
	return u.String()
}

// Close lets go of idle connections.
func (c *Consul) Close() error {
	c.http.CloseIdleConnections()
	return nil
}

var errNameTaken = errors.New("another process uses the same replica name: give each its own")
