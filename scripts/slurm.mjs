// A Slurm of one node on this machine, for trying "ompq run --on slurm" and for its test. As root, on Debian or Ubuntu:
//   apt-get install -y --no-install-recommends slurm-wlm munge && node scripts/slurm.mjs start | stop
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism, hostname, totalmem } from 'node:os';

const FOLDER = '/var/lib/ompq-slurm';
const CONFIG = '/etc/slurm/slurm.conf';
const OURS = '# Written by scripts/slurm.mjs.';
const host = hostname().split('.')[0];

const config = `${OURS}
ClusterName=ompq
SlurmctldHost=${host}
AuthType=auth/munge
SlurmUser=root
SlurmdUser=root
StateSaveLocation=${FOLDER}/state
SlurmdSpoolDir=${FOLDER}/spool
SlurmctldPidFile=${FOLDER}/slurmctld.pid
SlurmdPidFile=${FOLDER}/slurmd.pid
SlurmctldLogFile=${FOLDER}/slurmctld.log
SlurmdLogFile=${FOLDER}/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
ReturnToService=2
MpiDefault=none
NodeName=${host} CPUs=${availableParallelism()} RealMemory=${Math.floor(totalmem() / 2 ** 20 / 2)} State=UNKNOWN
PartitionName=main Nodes=${host} Default=YES MaxTime=INFINITE State=UP
`;

function start() {
  if (existsSync(CONFIG) && !readFileSync(CONFIG, 'utf8').startsWith(OURS))
    throw new Error(`${CONFIG} is not this script's; a Slurm of its own is set up here.`);
  for (const folder of ['state', 'spool']) mkdirSync(`${FOLDER}/${folder}`, { recursive: true });
  mkdirSync('/etc/slurm', { recursive: true });
  writeFileSync(CONFIG, config);
  if (spawnSync('munge', ['-n']).status !== 0) {
    mkdirSync('/run/munge', { recursive: true });
    execFileSync('chown', ['munge:munge', '/run/munge']);
    execFileSync('setpriv', ['--reuid=munge', '--regid=munge', '--clear-groups', 'munged']);
  }
  execFileSync('slurmctld', ['-c'], { stdio: 'inherit' });
  execFileSync('slurmd', [], { stdio: 'inherit' });
  for (let i = 0; i < 60; i++) {
    const { stdout } = spawnSync('sinfo', ['--noheader', '--format=%t'], { encoding: 'utf8' });
    if (stdout?.trim() === 'idle') return;
    execFileSync('sleep', ['0.5']);
  }
  throw new Error(`The node does not come up; ${FOLDER}/slurmctld.log and slurmd.log tell why.`);
}

/** Ends what \`start\` has started, by the ids that the daemons have written down. */
function stop() {
  for (const name of ['slurmd', 'slurmctld']) {
    const file = `${FOLDER}/${name}.pid`;
    if (existsSync(file)) process.kill(Number(readFileSync(file, 'utf8')));
  }
}

const [verb] = process.argv.slice(2);
if (verb === 'start') start();
else if (verb === 'stop') stop();
else throw new Error('Say "start" or "stop".');
