package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"os"
	"strings"
)

// audit counts what the API server wrote down about one user agent.
type audit struct {
	path string
	at   int64
}

// requests are one contender's, by kind.
type requests struct {
	jobs, pods    int // accepted writes
	crons         int // those on schedules
	events        int
	leases        int
	refused       int // writes answered with an error
	reads         int // gets and lists of jobs and pods
	byVerb        map[string]int
	someoneElse   int // writes by others, as a check
	unrecognised  int
	refusedByVerb map[string]int
	readsByVerb   map[string]int
}

type auditLine struct {
	Verb      string `json:"verb"`
	UserAgent string `json:"userAgent"`
	ObjectRef struct {
		Resource    string `json:"resource"`
		Subresource string `json:"subresource"`
	} `json:"objectRef"`
	ResponseStatus struct {
		Code int `json:"code"`
	} `json:"responseStatus"`
}

// skip forgets what was written so far.
func (a *audit) skip() error {
	info, err := os.Stat(a.path)
	if os.IsNotExist(err) {
		return nil
	}
	if err == nil {
		a.at = info.Size()
	}
	return err
}

// count reads on from where it stopped.
func (a *audit) count(agent string) (requests, error) {
	r := requests{byVerb: map[string]int{}, refusedByVerb: map[string]int{}, readsByVerb: map[string]int{}}
	f, err := os.Open(a.path)
	if err != nil {
		return r, err
	}
	defer f.Close()
	if _, err := f.Seek(a.at, io.SeekStart); err != nil {
		return r, err
	}
	for lines := bufio.NewReaderSize(f, 1<<20); ; {
		line, err := lines.ReadBytes('\n')
		if err == io.EOF {
			return r, nil // half a line is read the next time
		}
		if err != nil {
			return r, err
		}
		a.at += int64(len(line))
		var l auditLine
		if json.Unmarshal(bytes.TrimSpace(line), &l) != nil {
			r.unrecognised++
			continue
		}
		r.add(&l, agent)
	}
}

func (r *requests) add(l *auditLine, agent string) {
	what := l.ObjectRef.Resource
	if l.ObjectRef.Subresource != "" {
		what += "/" + l.ObjectRef.Subresource
	}
	read := l.Verb == "get" || l.Verb == "list"
	switch {
	case !strings.Contains(l.UserAgent, agent):
		if !read {
			r.someoneElse++
		}
	case read:
		r.reads++
		r.readsByVerb[l.Verb+" "+what]++
	case l.ResponseStatus.Code >= 300:
		r.refused++
		r.refusedByVerb[l.Verb+" "+what]++
	default:
		r.byVerb[l.Verb+" "+what]++
		r.accept(l.ObjectRef.Resource)
	}
}

func (r *requests) accept(resource string) {
	switch resource {
	case "pods":
		r.pods++
	case "cronjobs", "cronbatchjobs":
		r.crons++
	case "jobs", "batchjobs":
		r.jobs++
	case "events":
		r.events++
	case "leases":
		r.leases++
	}
}

func (r *requests) writes() int { return r.jobs + r.pods }
