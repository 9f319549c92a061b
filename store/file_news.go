package store

import (
	"strings"
	"sync"

	bbolterrors "go.etcd.io/bbolt/errors"
)

// remembered is how many commits back a watcher may be without being woken for
// nothing.
const remembered = 256

// A change is the keys that one commit changed, and the index it gave them.
type change struct {
	index uint64
	keys  []string
}

// news tells watchers what was committed. It remembers the last commits, since a
// deleted key leaves no index behind to compare with.
type news struct {
	mu     sync.Mutex
	floor  uint64 // every change after it is in recent
	recent []change
	next   chan struct{} // closed at the next change
	closed bool
}

func newNews(index uint64) *news {
	return &news{floor: index, next: make(chan struct{})}
}

func (n *news) publish(c change) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.recent = append(n.recent, c)
	if len(n.recent) > remembered {
		n.floor = n.recent[0].index
		n.recent = n.recent[1:]
	}
	n.notify()
}

func (n *news) close() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.closed = true
	n.notify()
}

func (n *news) notify() {
	close(n.next)
	n.next = make(chan struct{})
}

// since reports whether something under prefix has changed after the index, or
// may have, and the channel that the next change closes. Once the store is closed it
// is bbolt's error of a closed file.
func (n *news) since(prefix string, after uint64) (bool, <-chan struct{}, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.closed {
		return false, nil, bbolterrors.ErrDatabaseNotOpen
	}
	if after < n.floor {
		return true, n.next, nil
	}
	for _, c := range n.recent {
		if c.index > after && c.touches(prefix) {
			return true, n.next, nil
		}
	}
	return false, n.next, nil
}

func (c change) touches(prefix string) bool {
	for _, key := range c.keys {
		if strings.HasPrefix(key, prefix) {
			return true
		}
	}
	return false
}
