package web

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

var errWrong = errors.New("wrong")

// counted are passwords with a comparison that takes no time, counts, and can be held up. The
// right password of a hash is the hash itself.
type counted struct {
	*passwords
	mu    sync.Mutex
	seen  []string      // the passwords that were compared, in order
	hold  chan struct{} // not nil: each comparison waits for one value
	comes chan string   // each comparison that begins
}

func newCounted(hold bool) *counted {
	c := &counted{passwords: newPasswords(), comes: make(chan string, 1000)}
	if hold {
		c.hold = make(chan struct{})
	}
	c.compare = func(hash, password []byte) error {
		c.mu.Lock()
		c.seen = append(c.seen, string(password))
		c.mu.Unlock()
		c.comes <- string(password)
		if c.hold != nil {
			<-c.hold
		}
		if string(hash) != string(password) {
			return errWrong
		}
		return nil
	}
	return c
}

func (c *counted) compared() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.seen)
}

func addr(text string) netip.Addr { return netip.MustParseAddr(text) }

func (c *counted) is(t *testing.T, want, from, name, password string) verdict {
	t.Helper()
	got := c.check(addr(from), name, password, name+"'s", true)
	if got.result != want {
		t.Errorf("%s with %q from %s is %s, want %s", name, password, from, got.result, want)
	}
	return got
}

func TestAPasswordThatWasRightIsNotComparedAgain(t *testing.T) {
	c := newCounted(false)
	c.is(t, accepted, "192.0.2.1", "alice", "alice's")
	for range 100 {
		c.is(t, cached, "192.0.2.1", "alice", "alice's")
		c.is(t, cached, "198.51.100.9", "alice", "alice's")
	}
	if n := len(c.compared()); n != 1 {
		t.Errorf("%d comparisons", n)
	}
	if got := c.check(addr("192.0.2.1"), "alice", "alice's", "another", true); got.result != wrong {
		t.Errorf("after her password was changed the old one is %s", got.result)
	}
	if got := c.check(addr("192.0.2.1"), "alice", "alice's", "alice's", false); got.result == accepted {
		t.Error("a name that nobody has is accepted")
	}
}

// Five wrong ones, and then one each ten seconds, of each name at each address.
func TestWrongPasswordsHaveABudget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCounted(false)
		for i := range triesAtOnce {
			c.is(t, wrong, "192.0.2.1", "alice", fmt.Sprint(i))
		}
		for i := range 100 {
			if got := c.is(t, throttled, "192.0.2.1", "alice", fmt.Sprint("more", i)); got.retry <= 0 || got.retry > triesAgain {
				t.Fatalf("try again after %s", got.retry)
			}
		}
		c.is(t, throttled, "192.0.2.1", "alice", "alice's") // the right one, from there, has to wait
		c.is(t, accepted, "192.0.2.2", "alice", "alice's")  // from elsewhere it has not
		c.is(t, cached, "192.0.2.1", "alice", "alice's")    // and then there neither
		c.is(t, accepted, "192.0.2.1", "bob", "bob's")
		if n := len(c.compared()); n != triesAtOnce+2 {
			t.Errorf("%d comparisons", n)
		}
		time.Sleep(triesAgain)
		c.is(t, wrong, "192.0.2.1", "alice", "later")
		c.is(t, throttled, "192.0.2.1", "alice", "at once")
		time.Sleep(triesAtOnce * triesAgain)
		for i := range triesAtOnce {
			c.is(t, wrong, "192.0.2.1", "alice", fmt.Sprint("again", i))
		}
		c.is(t, throttled, "192.0.2.1", "alice", "over")
	})
}

// What one customer has of IPv6 is one address.
func TestANetworkOfIPv6IsOneAddress(t *testing.T) {
	c := newCounted(false)
	for i := range triesAtOnce {
		c.is(t, wrong, fmt.Sprintf("2001:db8:1:2::%x", i+1), "alice", fmt.Sprint(i))
	}
	c.is(t, throttled, "2001:db8:1:2:ffff::1", "alice", "x")
	c.is(t, wrong, "2001:db8:1:3::1", "alice", "x")
}

func TestARightPasswordClearsTheWrongOnesBefore(t *testing.T) {
	c := newCounted(false)
	for round := range 3 {
		for i := range triesAtOnce - 1 {
			c.is(t, wrong, "192.0.2.1", "alice", fmt.Sprint(round, i))
		}
		if got := c.check(addr("192.0.2.1"), "alice", fmt.Sprint("pw", round), fmt.Sprint("pw", round), true); got.result != accepted {
			t.Fatalf("round %d: %s", round, got.result)
		}
	}
}

// Browsers ask for several things at once: the same password is compared once, and counts once.
func TestTheSamePasswordAtOnceIsComparedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCounted(true)
		results := make(chan string, 50)
		for range 50 {
			go func() { results <- c.check(addr("192.0.2.1"), "alice", "alice's", "alice's", true).result }()
		}
		synctest.Wait()
		c.hold <- struct{}{}
		for range 50 {
			if got := <-results; got != accepted {
				t.Errorf("one of them is %s", got)
			}
		}
		if n := len(c.compared()); n != 1 {
			t.Errorf("%d comparisons", n)
		}
	})
}

// Under attack whoever has no wrong password behind them is next, whatever waits.
func TestTheFewestWrongOnesAreFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCounted(true)
		go c.check(addr("192.0.2.1"), "mallory", "first", "x", true) // under way
		synctest.Wait()
		for i := range 3 { // the same address, several names
			for _, password := range []string{"first", "second"} {
				go c.check(addr("192.0.2.1"), fmt.Sprint("name", i), password, "x", true)
				synctest.Wait()
			}
		}
		synctest.Wait()
		c.hold <- struct{}{} // mallory's is wrong now
		synctest.Wait()
		go c.check(addr("192.0.2.1"), "name9", "behind", "x", true)
		synctest.Wait()
		go c.check(addr("192.0.2.9"), "alice", "alice's", "alice's", true)
		synctest.Wait()
		for range 8 {
			c.hold <- struct{}{}
			synctest.Wait()
		}
		seen := c.compared()
		at := slices.Index(seen, "alice's")
		if behind := slices.Index(seen, "behind"); len(seen) != 9 || at > 4 || at > behind || slices.Index(seen, "second") < at {
			t.Errorf("compared in the order %q", seen)
		}
	})
}

// A full queue turns away whoever has the most wrong passwords, never somebody without any for
// somebody with one; and nobody waits for long.
func TestTheQueueIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCounted(false)
		for i := range 40 { // each address has guessed once
			c.is(t, wrong, fmt.Sprintf("192.0.2.%d", i), "carol", "x")
		}
		time.Sleep(triesAgain) // which is forgiven, and remembered
		c.hold = make(chan struct{})
		var mu sync.Mutex
		results := map[string]int{}
		ask := func(from, name, password string) {
			go func() {
				got := c.check(addr(from), name, password, name+"'s", true).result
				mu.Lock()
				defer mu.Unlock()
				results[got]++
			}()
			synctest.Wait()
		}
		for j := range triesAtOnce {
			for i := range 40 {
				ask(fmt.Sprintf("192.0.2.%d", i), "alice", fmt.Sprint(i, "-", j))
			}
		}
		if results[busy] != 40*triesAtOnce-mostWaiting-1 || len(results) != 1 {
			t.Errorf("of 200 at once, %v", results)
		}
		ask("198.51.100.1", "bob", "bob's")
		c.hold <- struct{}{} // what was under way
		synctest.Wait()
		if seen := c.compared(); seen[len(seen)-1] != "bob's" {
			t.Errorf("bob is not next: %q", seen[40:])
		}
		time.Sleep(longestWait)
		synctest.Wait()
		if len(c.waiting) > 0 || results[busy] != 40*triesAtOnce-1 {
			t.Errorf("%d still wait; %v", len(c.waiting), results)
		}
		c.hold <- struct{}{}
		synctest.Wait()
		if results[accepted] != 1 {
			t.Errorf("bob is not let in: %v", results)
		}
	})
}

// A name that nobody has takes as long as one that somebody has, and never holds one up.
func TestNamesThatNobodyHas(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCounted(true)
		first := make(chan verdict, 1)
		go func() { first <- c.check(addr("192.0.2.1"), "nobody", "x", "decoy", false) }()
		synctest.Wait()
		if len(c.compared()) != 1 {
			t.Error("where nothing else waits it is not compared")
		}
		const takes = 70 * time.Millisecond
		time.Sleep(takes)
		c.hold <- struct{}{}
		if got := <-first; got.result != noSuch {
			t.Errorf("it is %s", got.result)
		}
		go c.check(addr("192.0.2.2"), "alice", "alice's", "alice's", true)
		synctest.Wait()
		for i := range 500 {
			began := time.Now()
			if got := c.check(addr("192.0.2.1"), fmt.Sprint("nobody", i), "x", "decoy", false); got.result != noSuch || time.Since(began) != takes {
				t.Fatalf("while alice's is compared it is %s after %s", got.result, time.Since(began))
			}
		}
		if len(c.compared()) != 2 {
			t.Errorf("compared %q", c.compared())
		}
		c.hold <- struct{}{}
		synctest.Wait()
		c.hold = nil
		for i := range 100 { // nothing else is compared, and yet an address costs us five comparisons
			c.check(addr("192.0.2.7"), fmt.Sprint("nobody", i), "x", "decoy", false)
		}
		if n := len(c.compared()); n != 2+triesAtOnce {
			t.Errorf("%d comparisons", n)
		}
		for i := range triesAtOnce { // the same name again has the same budget as any other
			c.check(addr("192.0.2.1"), "nobody", fmt.Sprint(i), "decoy", false)
		}
		if got := c.check(addr("192.0.2.1"), "nobody", "over", "decoy", false); got.result != throttled {
			t.Errorf("the sixth is %s", got.result)
		}
	})
}

// What is remembered of who guesses is bounded, and a flood of made-up names takes nothing away
// from what is known of real ones.
func TestWhatIsRememberedIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCounted(false)
		for i := range triesAtOnce {
			c.is(t, wrong, "192.0.2.1", "alice", fmt.Sprint(i))
		}
		for i := range mostTries + 1000 {
			go c.check(addr("192.0.2.1"), fmt.Sprint("nobody", i), "x", "decoy", false)
		}
		time.Sleep(time.Second)
		synctest.Wait()
		if len(c.strangers) > mostTries || len(c.tries) > mostTries || len(c.under) > 0 {
			t.Errorf("%d names that nobody has, %d that somebody has, %d under way", len(c.strangers), len(c.tries), len(c.under))
		}
		c.is(t, throttled, "192.0.2.1", "alice", "still")
	})
}
