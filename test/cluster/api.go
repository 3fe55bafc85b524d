package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"
)

// apiClient is as much of a Kubernetes client as starting a cluster takes; it
// spares this module the real one and its dependencies.
type apiClient struct {
	server string
	token  string
	http   *http.Client
}

func newAPIClient(server, caFile, token string) (*apiClient, error) {
	pem, err := os.ReadFile(caFile)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(pem)
	// No proxy: the cluster is on this machine.
	tr := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}}
	return &apiClient{server: server, token: token, http: &http.Client{Transport: tr, Timeout: 30 * time.Second}}, nil
}

// apiError is an answer of the API server that is not success.
type apiError struct {
	code    int
	message string
}

func (e *apiError) Error() string { return fmt.Sprintf("HTTP %d: %s", e.code, e.message) }

// isCode says whether an error is the API server's answer of that code.
func isCode(err error, code int) bool {
	var e *apiError
	return errors.As(err, &e) && e.code == code
}

// do sends one request; in and out may be nil. An answer other than success is
// an *apiError.
func (c *apiClient) do(ctx context.Context, method, path, contentType string, in, out any) error {
	var body io.Reader
	if in != nil {
		b, err := json.Marshal(in)
		if err != nil {
			return err
		}
		body = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(ctx, method, c.server+path, body)
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+c.token)
	req.Header.Set("Content-Type", contentType)
	res, err := c.http.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		return err
	}
	if res.StatusCode/100 != 2 {
		return &apiError{code: res.StatusCode, message: strings.TrimSpace(string(b))}
	}
	if out == nil {
		return nil
	}
	return json.Unmarshal(b, out)
}

func (c *apiClient) get(ctx context.Context, path string, out any) error {
	return c.do(ctx, http.MethodGet, path, "application/json", nil, out)
}

// create makes an object; one that is already there is left as it is.
func (c *apiClient) create(ctx context.Context, path string, in any) error {
	err := c.do(ctx, http.MethodPost, path, "application/json", in, nil)
	if isCode(err, http.StatusConflict) {
		return nil
	}
	return err
}

// forgetNodes deletes Nodes that do not run any more, so that nobody waits for
// what was on them.
func (c *apiClient) forgetNodes(ctx context.Context, names ...string) error {
	for _, n := range names {
		err := c.do(ctx, http.MethodDelete, "/api/v1/nodes/"+n, "application/json", nil, nil)
		if err != nil && !isCode(err, http.StatusNotFound) {
			return err
		}
	}
	return nil
}

// mergePatch changes the named fields of an object or of a subresource.
func (c *apiClient) mergePatch(ctx context.Context, path string, in any) error {
	return c.do(ctx, http.MethodPatch, path, "application/merge-patch+json", in, nil)
}

// ready answers whether the API server says that it is.
func (c *apiClient) ready(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	return c.get(ctx, "/readyz", nil) == nil
}

// nodeReady answers whether a node reports Ready, and did so after since: what
// the API server remembers of an earlier run is no sign of life.
func (c *apiClient) nodeReady(ctx context.Context, name string, since time.Time) (bool, error) {
	var node struct {
		Status struct {
			Conditions []struct {
				Type              string    `json:"type"`
				Status            string    `json:"status"`
				LastHeartbeatTime time.Time `json:"lastHeartbeatTime"`
			} `json:"conditions"`
		} `json:"status"`
	}
	if err := c.get(ctx, "/api/v1/nodes/"+name, &node); err != nil {
		if isCode(err, http.StatusNotFound) {
			return false, nil
		}
		return false, err
	}
	for _, cond := range node.Status.Conditions {
		if cond.Type == "Ready" {
			return cond.Status == "True" && !cond.LastHeartbeatTime.Before(since.Truncate(time.Second)), nil
		}
	}
	return false, nil
}
