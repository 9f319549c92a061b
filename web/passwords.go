package web

import (
	"cmp"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"net/netip"
	"slices"
	"sync"
	"time"

	"golang.org/x/crypto/bcrypt"
)

const (
	triesAtOnce = 5                // wrong passwords that one name has from one address
	triesAgain  = 10 * time.Second // after which it has one more
	remembered  = 10 * time.Minute // how long an address is behind those without a wrong password, for each
	mostUsed    = time.Hour        // and at most
	mostTries   = 10_000           // names at addresses that are remembered
	mostWaiting = 16               // passwords that wait to be compared
	longestWait = 5 * time.Second
	mostGood    = 1000 // passwords that were right, as hashes
)

// A verdict is what became of a password.
type verdict struct {
	result string        // one of the results
	retry  time.Duration // when to try again
}

// The results are also the label values of autorollback_web_sign_ins_total.
const (
	accepted  = "accepted"     // it is right, and was compared
	cached    = "cached"       // it was right before
	wrong     = "wrong"        // it was compared
	noSuch    = "no_such_name" // nobody has the name; whoever guesses is not told
	throttled = "throttled"    // not compared: too many wrong ones before it
	busy      = "busy"         // not compared: too many others wait
)

// passwords compares passwords with bcrypt hashes, which is slow on purpose: one at a time,
// those of names and addresses with the fewest wrong ones first, and never one that was right
// before. A name that nobody has takes as long as any other while nothing else waits, and
// never holds up one that somebody has.
type passwords struct {
	compare func(hash, password []byte) error // bcrypt's
	secret  [32]byte                          // of this process, so that good is worth nothing elsewhere

	mu        sync.Mutex
	good      map[[32]byte]bool
	under     map[[32]byte]*check // under way
	tries     tries
	strangers tries // of names that nobody has
	waiting   []*check
	comparing bool
	took      time.Duration // the last comparison
}

// An account is a name at an address; without a name, the address, whose failures only count
// towards who is next.
type account struct {
	from netip.Prefix
	name string
}

// A check is one password that is compared.
type check struct {
	id       [32]byte
	of       account
	exists   bool
	failures time.Duration // how far the tries of the account and of its address are used up
	decoy    time.Duration // not compared, and wrong after this time; 0: compared
	turn     chan bool     // true: it is its turn; false: it never is
	done     chan struct{}
	verdict  verdict
}

func newPasswords() *passwords {
	p := &passwords{compare: bcrypt.CompareHashAndPassword, good: map[[32]byte]bool{}, under: map[[32]byte]*check{},
		tries: tries{}, strangers: tries{}}
	_, _ = rand.Read(p.secret[:]) // it never fails
	return p
}

// check says whether the password of a name is that of the hash. Where exists is false, nobody
// has the name, and hash is somebody else's.
func (p *passwords) check(from netip.Addr, name, password, hash string, exists bool) verdict {
	c, run, early := p.begin(from, name, password, hash, exists)
	switch {
	case c == nil:
		return early
	case !run:
		<-c.done
		return c.verdict
	case c.decoy > 0:
		<-time.After(c.decoy)
		c.verdict = verdict{result: noSuch}
	case p.await(c):
		c.verdict = p.run(hash, password, exists)
	default:
		c.verdict = verdict{busy, time.Second}
	}
	p.conclude(c)
	return c.verdict
}

// begin finds the check of a password that is under way, or begins one, which the caller then
// runs. No check: the verdict is known without one.
func (p *passwords) begin(from netip.Addr, name, password, hash string, exists bool) (c *check, run bool, early verdict) {
	id := p.digest(name, password, hash)
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.good[id] {
		return nil, false, verdict{result: cached}
	}
	if same := p.under[id]; same != nil {
		return same, false, early
	}
	now := time.Now()
	c = &check{id: id, of: account{networkOf(from), name}, exists: exists, turn: make(chan bool, 1), done: make(chan struct{})}
	if retry := p.of(exists).try(c.of, now); retry > 0 {
		return nil, false, verdict{throttled, retry}
	}
	p.under[id] = c
	whole := account{from: c.of.from}
	if !exists && (p.comparing || p.strangers.try(whole, now) > 0) {
		c.decoy = max(p.took, time.Millisecond)
		return c, true, early
	}
	c.failures = p.of(exists).used(c.of, now) + p.tries.used(whole, now)
	p.queue(c)
	return c, true, early
}

// digest names a password, a name and the hash that it is compared with.
func (p *passwords) digest(parts ...string) (id [32]byte) {
	h := hmac.New(sha256.New, p.secret[:])
	for _, part := range parts {
		_ = binary.Write(h, binary.BigEndian, uint64(len(part))) // a hash takes everything
		h.Write([]byte(part))
	}
	return [32]byte(h.Sum(nil))
}

// of are the tries of names that somebody has, or of the others.
func (p *passwords) of(exists bool) tries {
	if exists {
		return p.tries
	}
	return p.strangers
}

// tries are what accounts have used up: the moment at which all of it is there again.
type tries map[account]time.Time

func (t tries) used(of account, now time.Time) time.Duration { return max(t[of].Sub(now), 0) }

// try uses up one try of the account, or says when there is one again.
func (t tries) try(of account, now time.Time) (retry time.Duration) {
	if over := t.used(of, now) - (triesAtOnce-1)*triesAgain; over > 0 {
		return over
	}
	t.use(of, now, triesAgain)
	return 0
}

// use notes one try more, for some time. Where too many accounts have some, any one of them is
// forgotten.
func (t tries) use(of account, now time.Time, more time.Duration) {
	for other := range t {
		if len(t) < mostTries {
			break
		}
		delete(t, other)
	}
	t[of] = now.Add(min(t.used(of, now)+more, mostUsed))
}

// queue lets the check be the next, or wait. Where too many wait, the one with the most
// failures never comes to its turn.
func (p *passwords) queue(c *check) {
	if !p.comparing {
		p.comparing = true
		c.turn <- true
		return
	}
	p.waiting = append(p.waiting, c)
	slices.SortStableFunc(p.waiting, func(a, b *check) int { return cmp.Compare(a.failures, b.failures) })
	if last := len(p.waiting) - 1; last >= mostWaiting {
		p.waiting[last].turn <- false
		p.waiting = p.waiting[:last]
	}
}

// await reports whether it has become the check's turn.
func (p *passwords) await(c *check) bool {
	late := time.NewTimer(longestWait)
	defer late.Stop()
	select {
	case turn := <-c.turn:
		return turn
	case <-late.C:
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if n := slices.Index(p.waiting, c); n >= 0 {
		p.waiting = slices.Delete(p.waiting, n, n+1)
		return false
	}
	return <-c.turn // given or refused in this very moment
}

func (p *passwords) run(hash, password string, exists bool) verdict {
	began := time.Now()
	err := p.compare([]byte(hash), []byte(password))
	p.mu.Lock()
	defer p.mu.Unlock()
	p.took = time.Since(began)
	if p.comparing = len(p.waiting) > 0; p.comparing {
		p.waiting[0].turn <- true
		p.waiting = slices.Delete(p.waiting, 0, 1)
	}
	switch {
	case !exists:
		return verdict{result: noSuch}
	case err != nil:
		return verdict{result: wrong}
	}
	return verdict{result: accepted}
}

// conclude tells whoever waits for the same password, and remembers what came of it.
func (p *passwords) conclude(c *check) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.under, c.id)
	close(c.done)
	switch result := c.verdict.result; {
	case result == accepted:
		delete(p.tries, c.of)
		if len(p.good) >= mostGood {
			clear(p.good)
		}
		p.good[c.id] = true
	case result == wrong:
		p.tries.use(account{from: c.of.from}, time.Now(), remembered)
	case result == busy: // it was never compared
		p.of(c.exists)[c.of] = p.of(c.exists)[c.of].Add(-triesAgain)
	}
}

// networkOf is what counts as one address: of IPv6, what one customer has.
func networkOf(addr netip.Addr) netip.Prefix {
	bits := 64
	if addr.Is4() {
		bits = 32
	}
	network, _ := addr.Prefix(bits) // no address: all of those are one
	return network
}
