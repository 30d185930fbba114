/** Options that name a deployment, as they are written after a command of `broker`: ` --local`. */
export interface Flags {
  flags: string;
}

/** A command for a deployment that can be pasted into a shell. */
export const brokerCommand = ({ flags }: Flags, args: string) => `npx broker ${args}${flags}`;
