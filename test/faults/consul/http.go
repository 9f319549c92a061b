package consul

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/hashicorp/consul/api"
)

// Writer is the header by which the history knows who sent a transaction.
const Writer = "X-Writer"

// Consul's own limits of a transaction.
const (
	maxOps  = 128
	maxBody = 512 << 10
)

// txn runs a transaction: all checks first, then either all of it or nothing.
func (s *Server) txn(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(io.LimitReader(r.Body, maxBody+1))
	var list api.TxnOps
	if err == nil {
		err = json.Unmarshal(body, &list)
	}
	switch {
	case len(body) > maxBody:
		http.Error(w, "Request body too large", http.StatusRequestEntityTooLarge)
		return
	case err != nil:
		http.Error(w, "Failed to parse body: "+err.Error(), http.StatusBadRequest)
		return
	case len(list) > maxOps:
		http.Error(w, "Transaction contains too many operations", http.StatusRequestEntityTooLarge)
		return
	}
	ops := make([]api.KVTxnOp, len(list))
	for n, op := range list {
		ops[n] = *op.KV
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if errs := s.refuse(ops); len(errs) > 0 {
		reply(w, http.StatusConflict, map[string]any{"Errors": errs, "Results": nil})
		return
	}
	s.apply(r.Header.Get(Writer), ops)
	reply(w, http.StatusOK, map[string]any{"Results": s.results(ops), "Errors": nil, "ResultsFilteredByACLs": false})
}

// refuse is what Consul objects to, in its words.
func (s *Server) refuse(ops []api.KVTxnOp) (errs api.TxnErrors) {
	for n, op := range ops {
		found, there := s.keys[op.Key]
		what := ""
		switch op.Verb {
		case api.KVCAS, api.KVDeleteCAS:
			if found.Index != op.Index && (there || op.Verb == api.KVCAS) {
				what = fmt.Sprintf("failed to set key %q, index is stale", op.Key)
			}
		case api.KVCheckIndex:
			if !there {
				what = fmt.Sprintf("failed to check index for key %q, doesn't exist", op.Key)
			} else if found.Index != op.Index {
				what = fmt.Sprintf("key %q failed index check, current modify index %d != %d", op.Key, found.Index, op.Index)
			}
		case api.KVCheckNotExists:
			if there {
				what = fmt.Sprintf("key %q exists", op.Key)
			}
		}
		if what != "" {
			errs = append(errs, &api.TxnError{OpIndex: n, What: what})
		}
	}
	return errs
}

type result struct{ KV pair }

type pair struct {
	Key                      string
	Value                    []byte
	CreateIndex, ModifyIndex uint64
	LockIndex, Flags         uint64
}

func (s *Server) pair(key string, value bool) pair {
	found := s.keys[key]
	p := pair{Key: key, CreateIndex: found.Created, ModifyIndex: found.Index}
	if value {
		p.Value = found.Value
	}
	return p
}

func (s *Server) results(ops []api.KVTxnOp) []result {
	all := []result{}
	for _, op := range ops {
		switch op.Verb {
		case api.KVGetTree:
			for _, key := range s.under(op.Key) {
				all = append(all, result{s.pair(key, true)})
			}
		case api.KVSet, api.KVCAS, api.KVCheckIndex:
			all = append(all, result{s.pair(op.Key, false)})
		}
	}
	return all
}

// get answers a key or a tree; with an index it waits for a change.
func (s *Server) get(w http.ResponseWriter, r *http.Request, key string) {
	q := r.URL.Query()
	_, tree := q["recurse"]
	after, _ := strconv.ParseUint(q.Get("index"), 10, 64)
	wait, _ := time.ParseDuration(q.Get("wait"))
	late := time.After(wait)
	for {
		s.mu.Lock()
		pairs, newest := s.found(key, tree)
		changed, index := s.changed, s.index
		s.mu.Unlock()
		if after == 0 || newest > after || index < after {
			answer(w, pairs, index)
			return
		}
		select {
		case <-changed:
		case <-late:
			answer(w, pairs, index)
			return
		case <-r.Context().Done():
			return
		}
	}
}

// found is what a query reads, with the index of its newest change; of a tree from which
// something was deleted nobody knows, and any change counts.
func (s *Server) found(key string, tree bool) (pairs []pair, newest uint64) {
	keys := []string{key}
	if tree {
		keys, newest = s.under(key), s.touched(key)
	} else if _, there := s.keys[key]; !there {
		keys = nil
	}
	for _, k := range keys {
		pairs = append(pairs, s.pair(k, true))
		newest = max(newest, s.keys[k].Index)
	}
	return pairs, newest
}

// touched is the index of the newest commit that changed something under a prefix.
func (s *Server) touched(prefix string) uint64 {
	for n := len(s.history) - 1; n >= 0; n-- {
		c := s.history[n]
		for key := range c.Before {
			if strings.HasPrefix(key, prefix) {
				return c.Index
			}
		}
		for key := range c.After {
			if strings.HasPrefix(key, prefix) {
				return c.Index
			}
		}
	}
	return 0
}

func answer(w http.ResponseWriter, pairs []pair, index uint64) {
	w.Header().Set("X-Consul-Index", strconv.FormatUint(index, 10))
	w.Header().Set("X-Consul-KnownLeader", "true")
	w.Header().Set("X-Consul-LastContact", "0")
	if len(pairs) == 0 {
		w.WriteHeader(http.StatusNotFound)
		return
	}
	reply(w, http.StatusOK, pairs)
}

func reply(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // a client that is gone hears nothing
}
