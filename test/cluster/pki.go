package main

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// Names of the identities that talk to the API server. Only the admin is in
// system:masters; every other one has what RBAC's own bindings give its name.
const (
	userAdmin      = "admin"
	userController = "system:kube-controller-manager"
	userScheduler  = "system:kube-scheduler"
	userProxy      = "system:kube-proxy"
	userNode       = "system:node:" + nodeName
	userSimulator  = "stint:node-simulator"
	// The API server shows this name to the kubelet, for logs and exec.
	userKubeletClient = "kube-apiserver-kubelet-client"
)

var tokenUsers = []struct{ name, groups string }{
	{userAdmin, "system:masters"},
	{userController, ""},
	{userScheduler, ""},
	{userProxy, ""},
	{userNode, "system:nodes"},
	{userSimulator, ""},
}

const pkiValidity = 10 * 365 * 24 * time.Hour

// ensurePKI makes the cluster's certificates, keys and tokens, all or none:
// they are written to a folder beside and moved into place in one step. The
// answer is the generation: it changes whenever any of them does.
func (l *layout) ensurePKI() (string, error) {
	want := l.pkiInputs()
	have, err := os.ReadFile(l.pki("inputs"))
	if err != nil || string(have) != want || l.pkiExpires() {
		if err := l.createPKI(want); err != nil {
			return "", fmt.Errorf("certificates: %w", err)
		}
	}
	ca, err := os.ReadFile(l.pki("ca.crt"))
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(ca)
	return hex.EncodeToString(sum[:6]), nil
}

func (l *layout) pkiInputs() string {
	var names []string
	for _, u := range tokenUsers {
		names = append(names, u.name+"/"+u.groups)
	}
	return strings.Join(append(names, l.address, serviceFirst, nodeAddress), "\n")
}

func (l *layout) pkiExpires() bool {
	b, err := os.ReadFile(l.pki("ca.crt"))
	if err != nil {
		return true
	}
	block, _ := pem.Decode(b)
	if block == nil {
		return true
	}
	c, err := x509.ParseCertificate(block.Bytes)
	return err != nil || time.Until(c.NotAfter) < 30*24*time.Hour
}

func (l *layout) createPKI(inputs string) error {
	leftovers, _ := filepath.Glob(l.path("pki.new*"))
	for _, d := range append(leftovers, l.path("pki.old")) {
		if err := os.RemoveAll(d); err != nil {
			return err
		}
	}
	dir, err := os.MkdirTemp(l.state, "pki.new")
	if err != nil {
		return err
	}
	files, err := pkiFiles(l.address)
	if err != nil {
		return err
	}
	files["inputs"] = []byte(inputs)
	for name, b := range files {
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o600); err != nil {
			return err
		}
	}
	// Directories cannot replace each other: between these two steps there is
	// no set at all, which the next run takes for a first start.
	if err := os.Rename(l.path("pki"), l.path("pki.old")); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if err := os.Rename(dir, l.path("pki")); err != nil {
		return err
	}
	return os.RemoveAll(l.path("pki.old"))
}

// pkiFiles makes the content of the pki folder.
func pkiFiles(address string) (map[string][]byte, error) {
	files := map[string][]byte{}
	ca, err := newAuthority("stint-test-cluster")
	if err != nil {
		return nil, err
	}
	files["ca.crt"], files["ca.key"] = ca.certPEM, ca.keyPEM
	certs := []struct {
		name, cn string
		usage    x509.ExtKeyUsage
		hosts    []string
	}{
		{"apiserver", "kube-apiserver", x509.ExtKeyUsageServerAuth, []string{address, loopback, "::1", serviceFirst, "localhost",
			"kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local"}},
		{"kubelet-client", userKubeletClient, x509.ExtKeyUsageClientAuth, nil},
		{"kubelet", userNode, x509.ExtKeyUsageServerAuth, []string{nodeAddress, nodeName}},
	}
	for _, c := range certs {
		if files[c.name+".crt"], files[c.name+".key"], err = ca.issue(c.cn, c.usage, c.hosts); err != nil {
			return nil, err
		}
	}
	// The controller-manager signs ServiceAccount tokens with RSA.
	sa, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, err
	}
	pub, err := x509.MarshalPKIXPublicKey(&sa.PublicKey)
	if err != nil {
		return nil, err
	}
	files["sa.key"] = pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(sa)})
	files["sa.pub"] = pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: pub})
	var tokens bytes.Buffer
	for i, u := range tokenUsers {
		secret := rand.Text()
		fmt.Fprintf(&tokens, "%s,%s,uid%d,%q\n", secret, u.name, i, u.groups)
	}
	files["tokens.csv"] = tokens.Bytes()
	return files, nil
}

// authority is a certificate authority with its key at hand.
type authority struct {
	cert            *x509.Certificate
	key             crypto.Signer
	certPEM, keyPEM []byte
}

func newAuthority(name string) (*authority, error) {
	key, keyPEM, err := newKey()
	if err != nil {
		return nil, err
	}
	t, err := certificate(name)
	if err != nil {
		return nil, err
	}
	t.IsCA, t.BasicConstraintsValid = true, true
	t.KeyUsage = x509.KeyUsageCertSign | x509.KeyUsageCRLSign | x509.KeyUsageDigitalSignature
	der, err := x509.CreateCertificate(rand.Reader, t, t, key.Public(), key)
	if err != nil {
		return nil, err
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, err
	}
	return &authority{cert: cert, key: key, keyPEM: keyPEM, certPEM: certPEM(der)}, nil
}

func (a *authority) issue(cn string, usage x509.ExtKeyUsage, hosts []string) (cert, keyPEM []byte, err error) {
	key, keyPEM, err := newKey()
	if err != nil {
		return nil, nil, err
	}
	t, err := certificate(cn)
	if err != nil {
		return nil, nil, err
	}
	t.KeyUsage, t.ExtKeyUsage = x509.KeyUsageDigitalSignature, []x509.ExtKeyUsage{usage}
	for _, h := range hosts {
		if ip := net.ParseIP(h); ip != nil {
			t.IPAddresses = append(t.IPAddresses, ip)
		} else {
			t.DNSNames = append(t.DNSNames, h)
		}
	}
	der, err := x509.CreateCertificate(rand.Reader, t, a.cert, key.Public(), a.key)
	return certPEM(der), keyPEM, err
}

func certificate(cn string) (*x509.Certificate, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	now := time.Now()
	return &x509.Certificate{SerialNumber: serial, Subject: pkix.Name{CommonName: cn},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(pkiValidity)}, err
}

func newKey() (crypto.Signer, []byte, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	return key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), err
}

func certPEM(der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}

// token answers the secret of one of tokenUsers.
func (l *layout) token(user string) (string, error) {
	b, err := os.ReadFile(l.pki("tokens.csv"))
	if err != nil {
		return "", err
	}
	for line := range strings.Lines(string(b)) {
		if f := strings.SplitN(line, ",", 3); len(f) == 3 && f[1] == user {
			return f[0], nil
		}
	}
	return "", fmt.Errorf("no token for %s in %s", user, l.pki("tokens.csv"))
}

// writeKubeconfig writes a self-contained kubeconfig for one of tokenUsers.
func (l *layout) writeKubeconfig(path, user string) error {
	token, err := l.token(user)
	if err != nil {
		return err
	}
	ca, err := os.ReadFile(l.pki("ca.crt"))
	if err != nil {
		return err
	}
	return writeFile(path, []byte(kubeconfigText("stint-"+l.kind, l.server(), ca, user, token)), 0o600)
}
