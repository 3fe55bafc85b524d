//go:build integration

package integration

// templateParts have together all that a pod may have, less what needs a class or
// a driver that the server looks up. Each is merged into the shortest template.
var templateParts = map[string]string{
	"metadata": `metadata: {name: a, namespace: b, labels: {app: x, example.com/tier: back}, annotations: {note: z}, finalizers: [example.com/hold]}`,
	"pod": `
spec:
  restartPolicy: Never
  terminationGracePeriodSeconds: 5
  activeDeadlineSeconds: 60
  nodeSelector: {disk: ssd}
  serviceAccountName: default
  serviceAccount: default
  automountServiceAccountToken: false
  imagePullSecrets: [{name: a}]
  schedulerName: nobody
  priorityClassName: system-node-critical
  enableServiceLinks: false
  shareProcessNamespace: true
  hostUsers: true
  os: {name: linux}
  tolerations: [{key: a, operator: Equal, value: b, effect: NoExecute, tolerationSeconds: 60}]
  readinessGates: [{conditionType: example.com/ready}]
  schedulingGates: [{name: example.com/gate}]
  resources: {requests: {cpu: "1"}, limits: {cpu: "2", memory: 1Gi}}
`,
	"network": `
spec:
  hostname: host
  subdomain: sub
  setHostnameAsFQDN: true
  dnsPolicy: None
  dnsConfig: {nameservers: [10.0.0.1], searches: [example.com], options: [{name: ndots, value: "2"}]}
  hostAliases: [{ip: 127.0.0.1, hostnames: [a.example.com]}]
`,
	"name of its own": "spec: {hostnameOverride: another}\n",
	"host": `
spec:
  hostNetwork: true
  hostPID: true
  hostIPC: true
  nodeName: node
  dnsPolicy: ClusterFirstWithHostNet
  preemptionPolicy: PreemptLowerPriority
  containers: [{name: main, image: busybox, ports: [{containerPort: 80, hostPort: 80, hostIP: 127.0.0.1}]}]
`,
	"spread": `
metadata: {labels: {app: x}}
spec:
  topologySpreadConstraints:
  - {maxSkew: 1, topologyKey: zone, whenUnsatisfiable: DoNotSchedule, minDomains: 2, nodeAffinityPolicy: Honor,
    nodeTaintsPolicy: Honor, labelSelector: {matchLabels: {app: x}, matchExpressions: [{key: app, operator: In, values: [x]}]}, matchLabelKeys: [k]}
`,
	"node affinity": `
spec:
  affinity:
    nodeAffinity:
      requiredDuringSchedulingIgnoredDuringExecution:
        nodeSelectorTerms:
        - {matchExpressions: [{key: zone, operator: In, values: [a]}], matchFields: [{key: metadata.name, operator: In, values: [node]}]}
      preferredDuringSchedulingIgnoredDuringExecution:
      - {weight: 1, preference: {matchExpressions: [{key: zone, operator: Gt, values: ["1"]}], matchFields: [{key: metadata.name, operator: In, values: [node]}]}}
`,
	"pod affinity": affinity("podAffinity"), "pod anti-affinity": affinity("podAntiAffinity"),
	"pod security": `
spec:
  securityContext:
    runAsUser: 1000
    runAsGroup: 1000
    runAsNonRoot: true
    fsGroup: 1000
    fsGroupChangePolicy: OnRootMismatch
    supplementalGroups: [1]
    supplementalGroupsPolicy: Merge
    seccompProfile: {type: Localhost, localhostProfile: a.json}
    appArmorProfile: {type: Localhost, localhostProfile: a}
    seLinuxOptions: {user: a, role: b, type: c, level: d}
    seLinuxChangePolicy: Recursive
    sysctls: [{name: kernel.shm_rmid_forced, value: "1"}]
`,
	"container security": container(`securityContext: {privileged: false, allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, runAsNonRoot: true,
    runAsUser: 1, runAsGroup: 1, procMount: Default, capabilities: {add: [NET_ADMIN], drop: [ALL]}, seLinuxOptions: {user: a, role: b, type: c, level: d},
    seccompProfile: {type: Localhost, localhostProfile: a}, appArmorProfile: {type: Localhost, localhostProfile: a}}`),
	"windows": `
spec:
  os: {name: windows}
  securityContext: {windowsOptions: {gmsaCredentialSpecName: a, gmsaCredentialSpec: b, runAsUserName: u, hostProcess: false}}
  containers: [{name: main, image: busybox, securityContext: {windowsOptions: {gmsaCredentialSpecName: a, gmsaCredentialSpec: b, runAsUserName: u, hostProcess: false}}}]
`,
	"container": container(`imagePullPolicy: IfNotPresent, command: [sh], args: [-c, "true"], workingDir: /work, stdin: true, stdinOnce: true, tty: true,
    terminationMessagePath: /dev/log, terminationMessagePolicy: File, restartPolicy: Never, restartPolicyRules: [{action: Restart, exitCodes: {operator: In, values: [1]}}],
    ports: [{name: http, containerPort: 80, protocol: TCP}], resizePolicy: [{resourceName: cpu, restartPolicy: NotRequired}],
    resources: {requests: {cpu: 100m, memory: 1Mi}, limits: {cpu: 200m, memory: 1Gi}}`),
	"env": container(`env: [{name: A, value: "1"}, {name: B, valueFrom: {fieldRef: {fieldPath: metadata.name, apiVersion: v1}}},
    {name: C, valueFrom: {resourceFieldRef: {resource: limits.cpu, containerName: main, divisor: 1m}}},
    {name: D, valueFrom: {configMapKeyRef: {name: m, key: k, optional: true}}}, {name: E, valueFrom: {secretKeyRef: {name: s, key: k, optional: true}}}],
    envFrom: [{prefix: P_, configMapRef: {name: m, optional: true}}, {secretRef: {name: s, optional: true}}]`),
	"start": container(`lifecycle: {postStart: {exec: {command: [a]}}, preStop: {sleep: {seconds: 1}}}`),
	"stop": container(`lifecycle: {postStart: {httpGet: {path: /a, port: 80, host: h, scheme: HTTPS, httpHeaders: [{name: X-A, value: b}]}},
    preStop: {tcpSocket: {port: 80, host: h}}}`),
	"signal": `
spec:
  os: {name: linux}
  containers: [{name: main, image: busybox, lifecycle: {stopSignal: SIGUSR1}}]
`,
	"env file": `
spec:
  volumes: [{name: files, emptyDir: {}}]
  containers: [{name: main, image: busybox, env: [{name: A, valueFrom: {fileKeyRef: {volumeName: files, path: a, key: A, optional: true}}}]}]
`,
	"probes": container(`livenessProbe: {exec: {command: [a]}}, startupProbe: {grpc: {port: 80, service: s}},
    readinessProbe: {httpGet: {path: /a, port: 80, host: h, scheme: HTTPS, httpHeaders: [{name: X-A, value: b}]}}`),
	"sidecar": `
spec:
  initContainers:
  - {name: sidecar, image: busybox, restartPolicy: Always, livenessProbe: {tcpSocket: {port: 80, host: localhost}, failureThreshold: 3, periodSeconds: 1,
    timeoutSeconds: 1, successThreshold: 1, initialDelaySeconds: 1, terminationGracePeriodSeconds: 1}}
  - {name: prepare, image: busybox}
`,
	"claims": `
spec:
  resourceClaims: [{name: c, resourceClaimName: r}, {name: d, resourceClaimTemplateName: r}]
  containers: [{name: main, image: busybox, resources: {claims: [{name: c, request: a}]}}]
`,
	"mount": `
spec:
  containers:
  - {name: main, image: busybox, volumeMounts: [{name: empty, mountPath: /a, subPath: b, readOnly: true, recursiveReadOnly: Disabled, mountPropagation: None},
    {name: empty, mountPath: /b, subPathExpr: $(A)}], volumeDevices: [{name: claim, devicePath: /dev/a}]}
  volumes: [{name: empty, emptyDir: {medium: Memory, sizeLimit: 1Gi}}, {name: claim, persistentVolumeClaim: {claimName: c, readOnly: true}}]
`,
	"host path":    volume(`hostPath: {path: /a, type: Directory}`),
	"config map":   volume(`configMap: {name: m, defaultMode: 420, optional: true, items: [{key: a, path: b, mode: 420}]}`),
	"secret":       volume(`secret: {secretName: s, defaultMode: 420, optional: true, items: [{key: a, path: b, mode: 420}]}`),
	"downward API": volume(`downwardAPI: {defaultMode: 420, items: [{path: a, mode: 420, fieldRef: {fieldPath: metadata.name, apiVersion: v1}}, {path: b, resourceFieldRef: {resource: limits.cpu, containerName: main, divisor: 1m}}]}`),
	"projected": volume(`projected: {defaultMode: 420, sources: [{secret: {name: s, optional: true, items: [{key: a, path: b, mode: 420}]}},
    {configMap: {name: m, optional: true, items: [{key: a, path: c, mode: 420}]}}, {serviceAccountToken: {audience: a, expirationSeconds: 3600, path: e}},
    {downwardAPI: {items: [{path: d, mode: 420, fieldRef: {fieldPath: metadata.labels, apiVersion: v1}}, {path: g, resourceFieldRef: {resource: limits.cpu, containerName: main, divisor: 1m}}]}},
    {clusterTrustBundle: {signerName: a.b/c, path: f, optional: true, labelSelector: {matchLabels: {a: b}, matchExpressions: [{key: a, operator: In, values: [b]}]}}}]}`),
	"nfs": volume(`nfs: {server: s, path: /a, readOnly: true}`),
	"iscsi": volume(`iscsi: {targetPortal: 10.0.0.1, iqn: "iqn.2001-04.com.example:a", lun: 1, iscsiInterface: default, fsType: ext4, readOnly: true, portals: [p],
    chapAuthDiscovery: true, chapAuthSession: true, secretRef: {name: s}, initiatorName: "iqn.2001-04.com.example:b"}`),
	"fc":       volume(`fc: {targetWWNs: [a], lun: 1, fsType: ext4, readOnly: true}`),
	"fc by id": volume(`fc: {wwids: [a]}`),
	"csi":      volume(`csi: {driver: a.b, fsType: ext4, readOnly: true, volumeAttributes: {a: b}, nodePublishSecretRef: {name: s}}`),
	"ephemeral": volume(`ephemeral: {volumeClaimTemplate: {metadata: {labels: {a: b}, annotations: {a: b}}, spec: {accessModes: [ReadWriteOnce], storageClassName: s,
    volumeMode: Filesystem, volumeName: v, volumeAttributesClassName: a, resources: {requests: {storage: 1Gi}, limits: {storage: 2Gi}},
    selector: {matchLabels: {a: b}, matchExpressions: [{key: a, operator: In, values: [b]}]}}}}`),
	"ephemeral copy": volume(`ephemeral: {volumeClaimTemplate: {spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}},
    dataSource: {apiGroup: a.b, kind: C, name: d}, dataSourceRef: {apiGroup: a.b, kind: C, name: d}}}}`),
	"image":         volume(`image: {reference: r, pullPolicy: Always}`),
	"aws":           volume(`awsElasticBlockStore: {volumeID: a, fsType: ext4, partition: 1, readOnly: true}`),
	"gce":           volume(`gcePersistentDisk: {pdName: a, fsType: ext4, partition: 1, readOnly: true}`),
	"azureDisk":     volume(`azureDisk: {diskName: a, diskURI: "https://a.blob.core.windows.net/vhds/a.vhd", cachingMode: None, fsType: ext4, kind: Shared, readOnly: true}`),
	"azureFile":     volume(`azureFile: {secretName: s, shareName: a, readOnly: true}`),
	"cephfs":        volume(`cephfs: {monitors: [a], path: /a, user: u, secretFile: /f, secretRef: {name: s}, readOnly: true}`),
	"cinder":        volume(`cinder: {volumeID: a, fsType: ext4, secretRef: {name: s}, readOnly: true}`),
	"flex":          volume(`flexVolume: {driver: a/b, fsType: ext4, secretRef: {name: s}, options: {a: b}, readOnly: true}`),
	"flocker":       volume(`flocker: {datasetName: a}`),
	"flocker by id": volume(`flocker: {datasetUUID: a}`),
	"glusterfs":     volume(`glusterfs: {endpoints: e, path: a, readOnly: true}`),
	"photon":        volume(`photonPersistentDisk: {pdID: a, fsType: ext4}`),
	"portworx":      volume(`portworxVolume: {volumeID: a, fsType: ext4, readOnly: true}`),
	"quobyte":       volume(`quobyte: {registry: "a:1", volume: v, user: u, group: g, tenant: t, readOnly: true}`),
	"rbd":           volume(`rbd: {monitors: [a], image: i, pool: p, user: u, keyring: k, fsType: ext4, secretRef: {name: s}, readOnly: true}`),
	"scaleIO": volume(`scaleIO: {gateway: g, system: s, secretRef: {name: s}, sslEnabled: true, protectionDomain: p, storagePool: s, storageMode: ThinProvisioned,
    volumeName: v, fsType: xfs, readOnly: true}`),
	"storageos": volume(`storageos: {volumeName: a, volumeNamespace: b, fsType: ext4, secretRef: {name: s}, readOnly: true}`),
	"vsphere":   volume(`vsphereVolume: {volumePath: p, fsType: ext4, storagePolicyName: s, storagePolicyID: i}`),
	"git":       volume(`gitRepo: {repository: r, revision: v, directory: d}`),
	"indexed": `
metadata: {labels: {batch.kubernetes.io/job-completion-index: "1"}, annotations: {batch.kubernetes.io/job-completion-index: "1"}}
spec:
  hostname: host
  containers: [{name: main, image: busybox, env: [{name: JOB_COMPLETION_INDEX, value: "1"}]}]
`,
}

func container(fields string) string {
	return "spec:\n  containers:\n  - {name: main, image: busybox, " + fields + "}\n"
}

func volume(source string) string { return "spec:\n  volumes:\n  - {name: data, " + source + "}\n" }

func affinity(kind string) string {
	term := `{topologyKey: zone, labelSelector: {matchLabels: {app: x}, matchExpressions: [{key: app, operator: In, values: [x]}]}, namespaces: [a],
      namespaceSelector: {matchLabels: {team: a}, matchExpressions: [{key: team, operator: In, values: [a]}]}, matchLabelKeys: [k], mismatchLabelKeys: [m]}`
	return "spec:\n  affinity:\n    " + kind + ":\n      requiredDuringSchedulingIgnoredDuringExecution: [" + term + "]\n" +
		"      preferredDuringSchedulingIgnoredDuringExecution: [{weight: 1, podAffinityTerm: " + term + "}]\n"
}
