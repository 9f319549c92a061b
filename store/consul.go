package store

import (
	"crypto/rand"
	"errors"
	"fmt"
	mathrand "math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/hashicorp/consul/api"
)

// ConsulConfig says where Consul is. What is left empty is taken from the
// environment that Consul's own tools read, then from their defaults.
type ConsulConfig struct {
	Address    string // host:port, or http://… or https://… with it
	Scheme     string // http or https
	Token      string
	Datacenter string // empty means the agent's own

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
	conf := cfg.client()
	client, err := api.NewClient(conf) // fills in what conf leaves open
	if err != nil {
		return nil, fmt.Errorf("open consul: %w", err)
	}
	kv := client.KV()
	c := &Consul{
		get:      kv.Get,
		list:     kv.List,
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

func (cfg ConsulConfig) client() *api.Config {
	conf := api.DefaultConfig()
	conf.Datacenter = cfg.Datacenter
	conf.TLSConfig = api.TLSConfig{
		CAFile: cfg.CAFile, CertFile: cfg.CertFile, KeyFile: cfg.KeyFile, Address: cfg.ServerName,
	}
	if cfg.Address != "" {
		conf.Address = cfg.Address
	}
	if cfg.Scheme != "" {
		conf.Scheme = cfg.Scheme
	}
	if cfg.Transport != nil {
		conf.HttpClient = &http.Client{Transport: cfg.Transport}
	}
	if cfg.Token != "" {
		conf.Token = cfg.Token
	}
	return conf
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
