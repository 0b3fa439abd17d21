using System.Globalization;
using System.Text;
using Stentor.Cli.Clients;
using Stentor.Cli.Publishing;
using Stentor.Client;

namespace Stentor.Cli.Chatting.Classic;

/// <summary>The classic conversation by hand: words are typed, and the servers' terminals show the sentences.</summary>
/// <param name="around">Terminal and streams.</param>
internal sealed class ClassicChat(Surroundings around)
{
    private const int WaitSecondsMax = 3_600;
    private const string Prompt = "What would you like to send?";

    private readonly OutputLines _output = new(around.Out);

    /// <summary>Talks until the input ends.</summary>
    /// <param name="client">The client.</param>
    /// <param name="channel">Where.</param>
    /// <param name="name">Who.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <returns>Failed when something was refused and nobody sat there to see it.</returns>
    public async Task<int> RunAsync(StentorClient client, string channel, string name, CancellationToken cancellationToken)
    {
        var allSaid = true;
        var asksForSeconds = false;
        try
        {
            await using var talker = await ClassicClient.JoinAsync(client, channel, name, Print, TimeProvider.System, cancellationToken);
            Ask(Prompt);
            await foreach (var (_, line) in InputLines.ReadAsync(around.In, _ => { }, cancellationToken))
            {
                var words = Encoding.UTF8.GetString(line.Span).Trim().TrimStart('/').ToLowerInvariant().Split(' ', StringSplitOptions.RemoveEmptyEntries);
                var answer = asksForSeconds ? ["wait", .. words] : words;
                asksForSeconds = answer is ["wait"];
                if (asksForSeconds)
                {
                    Ask("How many seconds would you like to wait?");
                    continue;
                }

                allSaid &= await DoAsync(talker, answer, cancellationToken);
                Ask(Prompt);
            }
        }
        catch (OperationCanceledException) when (around.InIsTerminal && cancellationToken.IsCancellationRequested)
        {
            // Ctrl-C is how one leaves.
        }

        return allSaid || around.InIsTerminal ? ExitCode.Done : ExitCode.Failed;
    }

    private async Task<bool> DoAsync(ClassicClient talker, string[] words, CancellationToken cancellationToken)
    {
        if (words is ["wait", var text] && int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var seconds) && seconds <= WaitSecondsMax)
        {
            await talker.WaitAsync(seconds, cancellationToken);
            return true;
        }

        if (words is not [var typed] || ClassicWords.Read(typed) is not { } word)
        {
            Print($"There are lost, found, glad and wait (or wait 3; at most {WaitSecondsMax} seconds).");
            return false;
        }

        try
        {
            return await talker.SayAsync(word, cancellationToken) is not null;
        }
        catch (StentorException e)
        {
            Print($"not said: {e.Type}: {e.Detail}");
            return false;
        }
    }

    private void Ask(string question)
    {
        if (around.InIsTerminal)
        {
            Print(question);
        }
    }

    private void Print(string line)
    {
        lock (_output)
        {
            _output.Add(line);
            _output.Flush();
        }
    }
}
