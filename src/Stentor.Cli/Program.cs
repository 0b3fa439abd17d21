using Stentor.Cli;

// A node goes on with what a socket brought on the thread that saw it: one hand-over between threads less for every publish. Nothing in it blocks
// on a task, so no such thread waits for another. The runtime looks once, before the first socket.
const string InlineCompletions = "DOTNET_SYSTEM_NET_SOCKETS_INLINE_COMPLETIONS";
if (args is ["serve", ..] && Environment.GetEnvironmentVariable(InlineCompletions) is null)
{
    Environment.SetEnvironmentVariable(InlineCompletions, "1");
}

return await StentorProgram.RunAsync(args, Surroundings.OfThisProcess());
