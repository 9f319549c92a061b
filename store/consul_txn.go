package store

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptrace"
	"sync/atomic"

	"github.com/hashicorp/consul/api"
)

// An answer is what Consul says about a transaction. Whether access rules hid
// entries stands only in the body, where Consul's own client does not look.
type answer struct {
	Results  []struct{ KV *api.KVPair }
	Errors   api.TxnErrors
	Filtered *bool `json:"ResultsFilteredByACLs"`
}

// txn sends one transaction, once. Its errors are failures. Consul's own client
// is not used since it throws away the status, which says what happened.
func (c *Consul) txn(ctx context.Context, ops []api.KVTxnOp) (answer, error) {
	ctx, cancel := context.WithTimeout(ctx, c.attempts)
	defer cancel()
	var connected atomic.Bool
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GotConn: func(httptrace.GotConnInfo) { connected.Store(true) },
	})
	req, err := c.request(ctx, ops)
	if err != nil {
		return answer{}, failure{refused, err}
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return answer{}, unanswered(err, connected.Load())
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return answer{}, failure{unclear, err}
	}
	return judge(resp.StatusCode, body, ops)
}

func (c *Consul) request(ctx context.Context, ops []api.KVTxnOp) (*http.Request, error) {
	list := make(api.TxnOps, len(ops))
	for i := range ops {
		list[i] = &api.TxnOp{KV: &ops[i]}
	}
	body, err := json.Marshal(list)
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPut, c.txnURL, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	if c.token != "" {
		req.Header.Set("X-Consul-Token", c.token)
	}
	return req, nil
}
