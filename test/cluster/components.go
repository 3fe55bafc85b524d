package main

import (
	"context"
	"encoding/base64"
	"fmt"
	"slices"
	"time"
)

func kubeconfigText(name, server string, ca []byte, user, token string) string {
	return fmt.Sprintf(`apiVersion: v1
kind: Config
clusters:
- name: %[1]s
  cluster:
    server: %[2]s
    certificate-authority-data: %[3]s
users:
- name: %[1]s-%[4]s
  user:
    token: %[5]s
contexts:
- name: %[1]s
  context:
    cluster: %[1]s
    user: %[1]s-%[4]s
current-context: %[1]s
`, name, server, base64.StdEncoding.EncodeToString(ca), user, token)
}

func (l *layout) etcd(bin string) component {
	client, peer := loopback+":"+l.port(offEtcdClient), loopback+":"+l.port(offEtcdPeer)
	return component{Name: "etcd", Listens: []string{client, peer}, Argv: []string{bin,
		"--data-dir=" + l.path("etcd"), "--log-level=warn",
		"--listen-client-urls=http://" + client, "--advertise-client-urls=http://" + client,
		"--listen-peer-urls=http://" + peer, "--initial-advertise-peer-urls=http://" + peer,
		"--initial-cluster=default=http://" + peer,
		// Test data: what a power cut takes, `up` after `down --wipe` gives back.
		"--unsafe-no-fsync", "--quota-backend-bytes=8589934592",
	}}
}

func (l *layout) apiServer(bin, generation string, realNode bool, extra []string) component {
	address := l.address + ":" + l.port(offAPIServer)
	argv := []string{bin,
		"--etcd-servers=http://" + loopback + ":" + l.port(offEtcdClient),
		"--bind-address=" + l.address, "--advertise-address=" + l.address, "--secure-port=" + l.port(offAPIServer),
		"--cert-dir=" + l.path("run"), "--tls-cert-file=" + l.pki("apiserver.crt"), "--tls-private-key-file=" + l.pki("apiserver.key"),
		"--client-ca-file=" + l.pki("ca.crt"), "--token-auth-file=" + l.pki("tokens.csv"),
		"--authorization-mode=Node,RBAC", "--enable-admission-plugins=NodeRestriction", "--allow-privileged=true",
		"--service-account-issuer=https://kubernetes.default.svc.cluster.local",
		"--service-account-key-file=" + l.pki("sa.pub"), "--service-account-signing-key-file=" + l.pki("sa.key"),
		"--service-cluster-ip-range=" + serviceCIDR,
	}
	if realNode {
		argv = append(argv, "--kubelet-preferred-address-types=InternalIP",
			"--kubelet-certificate-authority="+l.pki("ca.crt"),
			"--kubelet-client-certificate="+l.pki("kubelet-client.crt"), "--kubelet-client-key="+l.pki("kubelet-client.key"))
	} else {
		// An endpoint on loopback is refused by the API's own validation.
		argv = append(argv, "--endpoint-reconciler-type=none")
	}
	return component{Name: "kube-apiserver", Generation: generation, Listens: []string{address}, Argv: append(argv, extra...)}
}

// follower describes the controller-manager and the scheduler, which differ in
// little: both are clients of the API server with an identity of their own.
func (l *layout) follower(name, bin, generation string, offset int, own, extra []string) component {
	kubeconfig := l.path("run", name+".kubeconfig")
	argv := []string{bin, "--kubeconfig=" + kubeconfig,
		"--authentication-kubeconfig=" + kubeconfig, "--authorization-kubeconfig=" + kubeconfig,
		"--bind-address=" + loopback, "--secure-port=" + l.port(offset), "--cert-dir=" + l.path("run"),
		"--authorization-always-allow-paths=/healthz,/readyz,/livez,/metrics",
		// One of each: waiting for the lease of a killed predecessor helps nobody.
		"--leader-elect=false",
	}
	return component{Name: name, Generation: generation, Listens: []string{loopback + ":" + l.port(offset)},
		Argv: append(append(argv, own...), extra...)}
}

func (l *layout) controllerManager(bin, generation string, extra []string) component {
	own := []string{"--use-service-account-credentials=true", "--root-ca-file=" + l.pki("ca.crt"),
		"--service-account-private-key-file=" + l.pki("sa.key"),
		// Its default is a folder of the system's, which it would make.
		"--flex-volume-plugin-dir=" + l.path("run", "volumeplugins"),
		"--cluster-signing-cert-file=" + l.pki("ca.crt"), "--cluster-signing-key-file=" + l.pki("ca.key")}
	return l.follower("kube-controller-manager", bin, generation, offControllerManager, own, extra)
}

func (l *layout) scheduler(bin, generation string, extra []string) component {
	return l.follower("kube-scheduler", bin, generation, offScheduler, nil, extra)
}

// startControlPlane brings up etcd, the API server and those of the other two
// that are wanted, repairing whatever is missing, and waits until a namespace
// has its ServiceAccount: before that no pod can be created.
func (l *layout) startControlPlane(ctx context.Context, f finder, o options, realNode bool) (*apiClient, error) {
	generation, err := l.ensurePKI()
	if err != nil {
		return nil, err
	}
	if err := l.startAPIServer(f, o, generation, realNode); err != nil {
		return nil, err
	}
	token, err := l.token(userAdmin)
	if err != nil {
		return nil, err
	}
	api, err := newAPIClient(l.server(), l.pki("ca.crt"), token)
	if err != nil {
		return nil, err
	}
	err = step("kube-apiserver ready", func() error {
		return poll("/readyz", 2*time.Minute, func() (bool, error) {
			return api.ready(ctx), l.alive("etcd", "kube-apiserver")
		})
	})
	if err != nil {
		return nil, fmt.Errorf("%w\n%s", err, l.logTail("kube-apiserver"))
	}
	if err := l.writeKubeconfig(l.kubeconfig(), userAdmin); err != nil {
		return nil, err
	}
	return api, l.startFollowers(ctx, api, f, o, generation)
}

func (l *layout) startAPIServer(f finder, o options, generation string, realNode bool) error {
	fresh, err := l.ensure(l.etcd(f.path("etcd")))
	if err != nil {
		return err
	}
	if fresh && l.running("kube-apiserver") {
		// Its watches would come back by themselves, but a while later.
		if err := l.stop("kube-apiserver", time.Second); err != nil {
			return err
		}
	}
	_, err = l.ensure(l.apiServer(f.path("kube-apiserver"), generation, realNode, o.apiServerArgs))
	return err
}

func (l *layout) startFollowers(ctx context.Context, api *apiClient, f finder, o options, generation string) error {
	followers := []struct {
		c    component
		user string
	}{
		{l.controllerManager(f.path("kube-controller-manager"), generation, o.controllerManagerArgs), userController},
		{l.scheduler(f.path("kube-scheduler"), generation, o.schedulerArgs), userScheduler},
	}
	started := []string{"etcd", "kube-apiserver"}
	for _, w := range followers {
		if slices.Contains(o.without, w.c.Name) {
			if err := l.stop(w.c.Name, stopGrace); err != nil {
				return err
			}
			continue
		}
		if err := l.writeKubeconfig(l.path("run", w.c.Name+".kubeconfig"), w.user); err != nil {
			return err
		}
		if _, err := l.ensure(w.c); err != nil {
			return err
		}
		started = append(started, w.c.Name)
	}
	if !slices.Contains(started, "kube-controller-manager") {
		return l.alive(started...)
	}
	return step("default ServiceAccount", func() error {
		return poll("the default ServiceAccount", 2*time.Minute, func() (bool, error) {
			if err := l.alive(started...); err != nil {
				return false, err
			}
			return api.get(ctx, "/api/v1/namespaces/default/serviceaccounts/default", nil) == nil, nil
		})
	})
}
