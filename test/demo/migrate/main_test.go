package main

import (
	"bytes"
	"strings"
	"testing"
)

func TestMigrate(t *testing.T) {
	var out bytes.Buffer
	if err := migrate(&out, []string{"manage.py", "migrate"}, "postgres://shop:secret@db:5432/shop"); err != nil {
		t.Fatal(err)
	}
	if s := out.String(); !strings.Contains(s, "@db:5432/shop") || strings.Contains(s, "secret") || !strings.Contains(s, "... OK") {
		t.Error(s)
	}
	for _, bad := range []string{"", "shop", "://secret"} {
		if err := migrate(&out, []string{"manage.py", "migrate"}, bad); err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%q: %v", bad, err)
		}
	}
}
