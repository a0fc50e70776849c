/** Shards as an Indexed Job of Kubernetes, and their merging as a Job after it. */
import { runProgram } from './process';
import { partOf, type ShardJobs, shellLine, shellWord } from './shards';

export interface Cluster {
  image: string;
  /** Name of a persistentVolumeClaim with the model, the data and the parts. */
  claim: string;
  /** Where pods see it. */
  mount: string;
  retries: number;
}

/** One pod per shard, each restarted by Kubernetes as often as `retries` says; indices count from 0. */
export function shardsManifest(name: string, jobs: ShardJobs, cluster: Cluster) {
  const script = shellLine(['ompq'], jobs, '$((JOB_COMPLETION_INDEX + 1))');
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: { name },
    spec: {
      completionMode: 'Indexed',
      completions: jobs.count,
      parallelism: Math.min(jobs.jobs, jobs.count),
      backoffLimitPerIndex: cluster.retries,
      template: podOf(script, cluster),
    },
  };
}

export function mergeManifest(name: string, jobs: ShardJobs, cluster: Cluster) {
  const parts = Array.from({ length: jobs.count }, (_, i) => shellWord(partOf(jobs, i + 1))).join(' ');
  const json = jobs.command.includes('--json') ? ' --json' : '';
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: { name },
    spec: { backoffLimit: cluster.retries, template: podOf(`ompq merge ${parts}${json}`, cluster) },
  };
}

function podOf(script: string, { image, claim, mount }: Cluster) {
  return {
    spec: {
      restartPolicy: 'Never',
      containers: [
        {
          name: 'ompq',
          image,
          command: ['sh', '-c', script],
          volumeMounts: [{ name: 'data', mountPath: mount }],
        },
      ],
      volumes: [{ name: 'data', persistentVolumeClaim: { claimName: claim } }],
    },
  };
}

/** What the merging pod has printed. @throws Error with what kubectl says */
export async function onKubernetes(jobs: ShardJobs, cluster: Cluster): Promise<string> {
  const kubectl = async (args: string[], input?: string): Promise<string> => {
    const { code, stdout, stderr } = await runProgram(['kubectl', ...args], { signal: jobs.signal, input });
    if (code !== 0) throw new Error(`kubectl ${args[0]}: ${stderr.trim()}`);
    return stdout;
  };
  const name = `ompq-${jobs.command[0]}-${Date.now().toString(36)}`;
  const steps = [shardsManifest(name, jobs, cluster), mergeManifest(`${name}-merge`, jobs, cluster)];
  try {
    for (const manifest of steps) {
      await kubectl(['apply', '-f', '-'], JSON.stringify(manifest));
      await untilDone(manifest.metadata.name, kubectl, jobs.signal);
    }
    return await kubectl(['logs', `job/${name}-merge`]);
  } catch (error) {
    if (jobs.signal.aborted) {
      const names = steps.map(({ metadata }) => `job/${metadata.name}`);
      await runProgram(['kubectl', 'delete', '--ignore-not-found', ...names]);
    }
    throw error;
  }
}

const ASKED_EVERY_MS = 2000;

async function untilDone(
  name: string,
  kubectl: (args: string[]) => Promise<string>,
  signal: AbortSignal,
): Promise<void> {
  for (;;) {
    const reply = JSON.parse(await kubectl(['get', `job/${name}`, '-o', 'json'])) as {
      status?: { conditions?: { type: string; status: string; message?: string }[] };
    };
    const holds = reply.status?.conditions?.filter(({ status }) => status === 'True') ?? [];
    if (holds.some(({ type }) => type === 'Complete')) return;
    const failed = holds.find(({ type }) => type === 'Failed');
    if (failed) {
      throw new Error(
        `The job ${name} has failed (${failed.message ?? 'no reason given'}); "kubectl logs job/${name}" tells more.`,
      );
    }
    await new Promise((resolve) => setTimeout(resolve, ASKED_EVERY_MS));
    signal.throwIfAborted();
  }
}
