package store

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/autorollback/autorollback/outbound"
)

// filteredHeader says that access rules hid something of an answer.
const filteredHeader = "X-Consul-Results-Filtered-By-Acls"

// Passing counts the instances of a service in Consul's catalog of which every health check
// passes, in the store's datacenter. A service that nobody registered has none. What access rules
// hide is an error, and no absence.
func (c *Consul) Passing(ctx context.Context, service string) (int, error) {
	query := "passing=1&" + c.datacenter()
	status, header, body, err := c.askHeader(ctx, http.MethodGet, "/v1/health/service/"+url.PathEscape(service), query, nil)
	switch {
	case err != nil:
	case header.Get(filteredHeader) == "true" || status == http.StatusForbidden:
		err = fmt.Errorf("grant the token the ACL rules service %q { policy = \"read\" } and node_prefix \"\" { policy = \"read\" }", service)
	case status != http.StatusOK:
		err = fmt.Errorf("answer %d: %s", status, outbound.Excerpt(string(body)))
	}
	var instances []json.RawMessage
	if err == nil {
		err = json.Unmarshal(body, &instances)
	}
	if err != nil {
		return 0, fmt.Errorf("count the passing instances of %s in Consul's catalog: %w", service, err)
	}
	return len(instances), nil
}

// datacenter is the part of a query that names the store's datacenter; empty: the agent's own.
func (c *Consul) datacenter() string {
	_, query, _ := strings.Cut(c.txnURL, "?")
	_, dc, found := strings.Cut(query, "&")
	if !found {
		return ""
	}
	return dc
}
