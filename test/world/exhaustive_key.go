package world

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/stint-dev/stint/api/v1alpha1"
)

// The key of a state is equal for two states exactly if everything that can
// follow is the same, but for names of moments and versions:
//
//   - a resourceVersion is only ever compared with others, so it stands in the
//     key as its rank among all that the state knows;
//   - an instant counts as its distance from now as long as somebody may wait
//     for something from then on, and as its rank among such instants;
//   - of instants that are only compared with each other (when a pod was
//     created, became ready), the rank; those that nobody reads in a world
//     without deadlines (conditions, startTime) do not count;
//   - what a cache shows follows from the log up to its position, so of a kind
//     the key has the objects at the oldest position that anybody can still
//     read from, and the events since.

// How long each instant matters. A pod is replaced at most maxDelay after the
// last failure, which is known in whole seconds.
const (
	maxDelay    = 2 * time.Second
	ofFailure   = maxDelay + time.Second
	ofWrite     = time.Second     // a change of ready pods alone is put off so long
	ofPatience  = 5 * time.Second // the caches are not waited for any longer
	alwaysExact = time.Duration(1 << 62)
)

// keyer makes the keys of one search.
type keyer struct {
	contents map[string]int64
}

// imprint is what is in an object: its text without version and instants, as a
// number, and these.
type imprint struct {
	content, rv int64
	// ends are when containers or pods ended; order is what is only compared.
	ends, order []time.Time
}

type key [16]byte

func newKeyer() *keyer {
	return &keyer{contents: map[string]int64{}}
}

// sheet is a key being written.
type sheet struct {
	*keyer
	now    time.Time
	items  []item
	sorted map[byte][]int64
}

// item is a number 'n'; a version 'v', an instant 't' that is over or one 'o'
// that was never more than a place in an order, as ranks; or an age 'a'.
type item struct {
	what  byte
	value int64
}

func (s *sheet) number(n int64) { s.items = append(s.items, item{'n', n}) }

func (s *sheet) flag(b bool) {
	if b {
		s.number(1)
		return
	}
	s.number(0)
}

func (s *sheet) ranked(what byte, v int64) {
	s.items, s.sorted[what] = append(s.items, item{what, v}), append(s.sorted[what], v)
}

func (s *sheet) version(rv int64) { s.ranked('v', rv) }

// age is how long ago an instant was, if that matters still.
func (s *sheet) age(t time.Time, matters time.Duration) {
	age := s.now.Sub(t)
	if t.IsZero() || age >= matters {
		age = -1 << 62
	}
	s.items = append(s.items, item{'a', int64(age)})
}

// ended is when something ended: its age, and its place among other ends.
func (s *sheet) ended(t time.Time) {
	s.age(t, ofFailure)
	s.ranked('t', t.Unix())
}

func (s *sheet) text(t string) { s.number(s.intern(t)) }

func (k *keyer) intern(t string) int64 {
	n, ok := k.contents[t]
	if !ok {
		n = int64(len(k.contents))
		k.contents[strings.Clone(t)] = n
	}
	return n
}

// of is the key of a state.
func (k *keyer) of(b *branch) key {
	s := &sheet{keyer: k, now: b.world.Clock.now, sorted: map[byte][]int64{}}
	s.number(int64(s.now.Nanosecond()))
	s.ranked('o', s.now.Unix()) // the next instant of the API may equal the last
	s.number(int64(b.left.crashes)<<40 | int64(b.left.lost)<<32 | int64(b.left.races)<<24 | int64(b.left.fails)<<16 |
		int64(b.left.deletions)<<8 | int64(b.left.edits))
	s.number(int64(b.left.slow))
	s.flag(b.left.leaves)
	s.age(b.wake, alwaysExact)
	s.version(b.world.Store.rv)
	p := b.world.live()
	for _, kind := range []*kind{jobKind, podKind} {
		s.log(b, p, kind)
	}
	if p != nil {
		s.number(int64(p.Queue.Len()))
		s.number(int64(p.Queue.failures[b.key()]))
		s.memory(p.ctl.(Forkable).Memory())
	}
	for _, t := range b.world.Truth.order {
		s.ledger(t)
	}
	return s.sum()
}

// log writes one kind's objects and the events that somebody may yet see.
func (s *sheet) log(b *branch, p *Process, k *kind) {
	log := b.world.Store.logs[k]
	base := len(log)
	if p != nil {
		base = p.caches[k].pos
		s.number(int64(len(p.caches[k].untold)))
	}
	if b.left.crashes > 0 || p == nil {
		base = min(base, len(log)-b.lag(b.small.Old, len(log)))
	}
	prints := s.printed(b, k)
	for _, i := range at(log, base) {
		s.object(prints[i])
	}
	s.number(-2)
	for i, e := range log[base:] {
		s.flag(e.Deleted)
		s.object(prints[base+i])
	}
	s.number(-3)
	if p == nil {
		return
	}
	// What handlers have not heard are the last of the events before pos.
	for _, n := range p.caches[k].untold {
		s.flag(n.gone)
		s.version(rvOf(n.object))
	}
	s.number(int64(p.caches[k].pos - base))
}

// at is what a list would have shown after the first n events: the event of
// each object, by name.
func at(log []Event, n int) []int {
	var out []int
	for i, e := range log[:n] {
		j := slices.IndexFunc(out, func(j int) bool { return log[j].Object.GetName() == e.Object.GetName() })
		switch {
		case e.Deleted && j >= 0:
			out = slices.Delete(out, j, j+1)
		case e.Deleted:
		case j >= 0:
			out[j] = i
		default:
			out = append(out, i)
		}
	}
	slices.SortFunc(out, func(i, j int) int { return strings.Compare(log[i].Object.GetName(), log[j].Object.GetName()) })
	return out
}

// printed are the imprints of a kind's log; each event is read once, and what
// forks from this branch has them.
func (k *keyer) printed(b *branch, of *kind) []imprint {
	log, prints := b.world.Store.logs[of], slices.Clip(b.prints[of.gvk.Kind])
	for i := len(prints); i < len(log); i++ {
		prints = append(prints, k.read(log[i].Object))
	}
	b.prints[of.gvk.Kind] = prints
	return prints
}

func (s *sheet) object(p imprint) {
	s.number(p.content)
	s.version(p.rv)
	for _, t := range p.ends {
		s.ended(t)
	}
	for _, t := range p.order {
		s.ranked('o', t.Unix())
	}
}

var stampPattern = regexp.MustCompile(`20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ`)

// read takes an object apart.
func (k *keyer) read(o client.Object) imprint {
	p := imprint{rv: rvOf(o)}
	switch o := o.(type) {
	case *corev1.Pod:
		p.content = k.stripped(&corev1.Pod{ObjectMeta: bare(o.ObjectMeta), Spec: o.Spec, Status: o.Status})
		p.order = append(p.order, o.CreationTimestamp.Time)
		for _, c := range o.Status.Conditions {
			p.order = append(p.order, c.LastTransitionTime.Time)
		}
		for _, c := range o.Status.ContainerStatuses {
			if c.State.Terminated != nil {
				p.ends = append(p.ends, c.State.Terminated.FinishedAt.Time)
			}
		}
		if o.DeletionTimestamp != nil {
			p.ends = append(p.ends, o.DeletionTimestamp.Time)
		}
	case *v1alpha1.BatchJob:
		status := o.Status
		status.Duration = "" // for people; it follows from startTime
		p.content = k.stripped(&v1alpha1.BatchJob{ObjectMeta: bare(o.ObjectMeta), Spec: o.Spec, Status: status})
		if b := o.Status.Backoff; b != nil && b.LastFailureTime != nil {
			p.ends = append(p.ends, b.LastFailureTime.Time)
		}
	}
	return p
}

// stripped is an object without instants, also those in messages.
func (k *keyer) stripped(o client.Object) int64 {
	text, err := json.Marshal(o)
	if err != nil {
		panic(err)
	}
	return k.intern(string(stampPattern.ReplaceAll(text, []byte("T"))))
}

var refusedPattern = regexp.MustCompile(`at:(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d+)? \+0000 UTC)`)

// memory writes down what a process remembers. Words that are neither a known
// version nor a known instant stand as they are: that can only tell more states
// apart.
func (s *sheet) memory(text string) {
	for _, found := range refusedPattern.FindAllStringSubmatch(text, -1) {
		if t, err := time.Parse("2006-01-02 15:04:05.999999999 -0700 MST", found[1]); err == nil {
			s.age(t, 0) // in the future, or over
		}
	}
	words := strings.Fields(refusedPattern.ReplaceAllString(text, "at:"))
	for i, word := range words {
		if n, err := strconv.ParseInt(word, 10, 64); err == nil {
			s.remembered(words[max(0, i-2)], words[max(0, i-1)], n)
			continue
		}
		s.text(word)
	}
	s.number(-4)
}

// remembered writes down a number in a memory by the two words before it.
func (s *sheet) remembered(second, first string, n int64) {
	switch {
	case first == "looked": // only the pace of jobs with more than ten pods depends on it
	case first == "wrote":
		s.age(time.Unix(0, n), ofWrite)
	case first == "since":
		s.age(time.Unix(0, n), ofPatience)
	case first == "job", first == "pods", first == "floor", second == "floor", second == "freed":
		s.version(n)
	default:
		s.number(n)
	}
}

// ledger writes down what the oracle knows of a pod: every field that is no
// object, so that a new one is not forgotten.
func (s *sheet) ledger(t *podTruth) {
	s.number(int64(podRestarts(t.now)))
	times := []time.Time{t.doomedAt, t.succeededAt}
	for field, v := range reflect.ValueOf(t).Elem().Fields() {
		switch {
		case field.Type == reflect.TypeFor[touches]():
			s.flag(t.touched()) // nobody does that here
		case field.Name == "recordedRV":
			s.version(v.Int())
		case field.Type == reflect.TypeFor[time.Time]():
			s.ended(times[0])
			times = times[1:]
		case v.Kind() == reflect.Bool:
			s.flag(v.Bool())
		case v.Kind() == reflect.String:
			s.text(v.String())
		case v.CanInt():
			s.number(v.Int())
		case v.CanUint():
			s.number(int64(v.Uint()))
		case v.Kind() == reflect.Pointer: // the pod itself, which the log has, and parts of the job
		default:
			panic("the search cannot write down " + field.Name)
		}
	}
}

// sum makes the key of what was written.
func (s *sheet) sum() key {
	for what, values := range s.sorted {
		slices.Sort(values)
		s.sorted[what] = slices.Compact(values)
	}
	out := make([]byte, 0, 9*len(s.items))
	for _, i := range s.items {
		v := i.value
		if values, ok := s.sorted[i.what]; ok {
			n, _ := slices.BinarySearch(values, v)
			v = int64(n)
		}
		out = append(out, i.what)
		out = binary.LittleEndian.AppendUint64(out, uint64(v))
	}
	full := sha256.Sum256(out)
	return key(full[:16])
}

func bare(m metav1.ObjectMeta) metav1.ObjectMeta {
	m.ResourceVersion = ""
	return m
}
