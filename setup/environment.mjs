/**
 * Variables by what they are for; a name that ends in * stands for all that begin so. Only the sets of a program that
 * logs in somewhere (docker, npm, pip) hold what it logs in with.
 */
const VARIABLES = {
  /** Every process. The folder of the stack tells to which stack a process belongs. */
  system: [
    ...['PATH', 'HOME', 'USER', 'LOGNAME', 'SHELL', 'LANG', 'LANGUAGE', 'LC_*', 'TZ', 'TMPDIR', 'XDG_*'],
    'MEDIWATCH_STACK_DIR',
  ],
  /** What connects to the outside. */
  network: [
    ...['HTTP_PROXY', 'HTTPS_PROXY', 'ALL_PROXY', 'NO_PROXY', 'http_proxy', 'https_proxy', 'all_proxy', 'no_proxy'],
    ...['SSL_CERT_FILE', 'SSL_CERT_DIR', 'REQUESTS_CA_BUNDLE', 'CURL_CA_BUNDLE', 'NODE_EXTRA_CA_CERTS'],
    ...['NIX_SSL_CERT_FILE', 'NETRC'],
  ],
  /** Interpreters, libraries and devices of what computes. */
  computing: [
    ...['PYTHON*', 'VIRTUAL_ENV', 'CONDA_PREFIX', 'CONDA_DEFAULT_ENV', 'CONDA_EXE', 'CONDA_PYTHON_EXE'],
    ...['LD_LIBRARY_PATH', 'DYLD_LIBRARY_PATH', 'DYLD_FALLBACK_LIBRARY_PATH', 'NIX_LD*', 'NIX_PROFILES'],
    ...[
      'CUDA_*',
      'NVIDIA_VISIBLE_DEVICES',
      'NVIDIA_DRIVER_CAPABILITIES',
      'NCCL_*',
      'HIP_VISIBLE_DEVICES',
      'ROCR_VISIBLE_DEVICES',
    ],
    ...['OMP_*', 'MKL_*', 'OPENBLAS_*', 'NUMEXPR_*', 'LOKY_*', 'JOBLIB_*', 'MPLCONFIGDIR', 'MPLBACKEND', 'JAVA_HOME'],
  ],
  /** How MLflow's client talks, besides what the settings say (systems/mlflow/variables.ts). */
  mlflow: ['MLFLOW_HTTP_REQUEST_*', 'MLFLOW_ENABLE_*', 'MLFLOW_DISABLE_*', 'MLFLOW_S3_ENDPOINT_URL'],
  /** The docker command: its daemon, its logins, its builders. */
  docker: [
    ...['DOCKER_HOST', 'DOCKER_CONFIG', 'DOCKER_CONTEXT', 'DOCKER_TLS', 'DOCKER_TLS_VERIFY', 'DOCKER_CERT_PATH'],
    ...['DOCKER_API_VERSION', 'DOCKER_BUILDKIT', 'DOCKER_DEFAULT_PLATFORM', 'DOCKER_AUTH_CONFIG', 'SSH_AUTH_SOCK'],
    ...['BUILDX_*', 'BUILDKIT_*'],
  ],
  node: ['NODE_*'],
  npm: ['NODE_*', 'NPM_*', 'npm_config_*'],
  pip: ['PIP_*'],
  go: [
    ...['GOPROXY', 'GOPRIVATE', 'GONOPROXY', 'GOSUMDB', 'GONOSUMDB', 'GOINSECURE', 'GOFLAGS', 'GOTOOLCHAIN', 'GOENV'],
    ...['GOROOT', 'GOPATH', 'GOCACHE', 'GOMODCACHE', 'GOTMPDIR', 'CGO_*', 'CC', 'CXX'],
  ],
  /** Programs with windows. */
  desktop: ['DISPLAY', 'WAYLAND_DISPLAY', 'XAUTHORITY', 'DBUS_SESSION_BUS_ADDRESS', 'BROWSER', 'DESKTOP_SESSION'],
};

/**
 * The environment of a process that is about to be started: of ours, what it needs and nothing else, so that no secret
 * lies in the environment of a program that has no use for it.
 *
 * @param needs what it needs besides what every process gets
 * @param passed names of more variables, such as those of `passEnv`; they may end in * as well
 * @param env ours
 */
export function environmentOf(needs = [], passed = [], env = process.env) {
  const names = ['system', ...needs].flatMap((need) => VARIABLES[need]);
  return withoutProxyToLoopback(variablesOf([...names, ...passed], env));
}

/** Nothing on this machine is reached by a proxy. Of both spellings a program may read either. */
function withoutProxyToLoopback(variables) {
  const isProxied = Object.keys(variables).some((name) => /^(https?|all)_proxy$/i.test(name) && variables[name]);
  const hosts = (variables.no_proxy || variables.NO_PROXY || '').split(',').filter(Boolean);
  if (!isProxied || hosts.includes('*')) return variables;
  const all = [...new Set([...hosts, 'localhost', '127.0.0.1', '::1'])].join(',');
  return { ...variables, NO_PROXY: all, no_proxy: all };
}

/** Those of our variables that have one of these names. */
export function variablesOf(names, env = process.env) {
  const begins = names.filter((name) => name.endsWith('*')).map((name) => name.slice(0, -1));
  const isWanted = (name) => names.includes(name) || begins.some((begin) => name.startsWith(begin));
  return Object.fromEntries(Object.entries(env).filter(([name, value]) => value !== undefined && isWanted(name)));
}
