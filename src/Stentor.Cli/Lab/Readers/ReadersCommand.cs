using System.Text.Json;
using Stentor.Cli.Clients;
using Stentor.Cli.CommandLine;

namespace Stentor.Cli.Lab.Readers;

/// <summary>
/// <c>stentor lab readers</c>, which the lab alone starts: the clients of one combination, in a process of their own. It reads its order as a line of JSON, then
/// <c>count</c> and <c>finish NUMBER</c>, and answers with lines of JSON; it ends when it has finished, or its input does.
/// </summary>
internal sealed class ReadersCommand : ExampleCommand
{
    /// <summary>The word that asks for what went over the connections.</summary>
    public const string CountWord = "count";

    /// <summary>The word, with the last write behind it, that asks for what was shown.</summary>
    public const string FinishWord = "finish";

    // The last update has long been delivered by then, if it ever is; a poll comes on top.
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);

    private readonly Surroundings _around;

    /// <summary>Makes the command.</summary>
    /// <param name="around">What it finds around it.</param>
    public ReadersCommand(Surroundings around)
        : base("readers", "The clients of a measurement; the lab starts it.")
    {
        _around = around;
        Hidden = true;
        SetAction((_, cancellationToken) => RunAsync(cancellationToken));
    }

    /// <inheritdoc/>
    public override IReadOnlyList<string> Examples => [];

    private async Task<int> RunAsync(CancellationToken cancellationToken)
    {
        using var input = new StreamReader(_around.In);
        var order = OrderOf(await input.ReadLineAsync(cancellationToken) ?? "") ?? throw CommandException.Usage("this command is for the lab, which tells it what to do: try 'stentor lab latency'.");
        await using var crowd = new Crowd(order);
        try
        {
            await crowd.StandAsync(cancellationToken);
            Print(new CrowdLine(Standing: order.Clients));
            while (await NextAsync(input, crowd, cancellationToken) is { } word)
            {
                if (word == CountWord)
                {
                    Print(new CrowdLine(Count: crowd.Count()));
                }
                else if (word.Split(' ') is [FinishWord, var number])
                {
                    await crowd.WaitUntilShownAsync(long.Parse(number), Patience + TimeSpan.FromSeconds(2 * order.PollSeconds), cancellationToken);
                    Print([.. crowd.Shown().Select(shown => new CrowdLine(Shown: shown))]);
                    return ExitCode.Done;
                }
            }

            return ExitCode.Done;
        }
        catch (Exception e) when (e is LabException or HttpRequestException or IOException)
        {
            throw new CommandException(e.Message);
        }
    }

    private static CrowdOrder? OrderOf(string line)
    {
        try
        {
            return JsonSerializer.Deserialize(line, CommandJson.Default.CrowdOrder);
        }
        catch (JsonException)
        {
            return null;
        }
    }

    /// <summary>The next word; null at the end. A client that fails meanwhile ends the wait.</summary>
    private static async Task<string?> NextAsync(StreamReader input, Crowd crowd, CancellationToken cancellationToken)
    {
        // Reading a pipe cannot be cancelled: the read is left behind.
        var line = Task.Run(input.ReadLine, CancellationToken.None);
        var first = await Task.WhenAny(line, crowd.Running).WaitAsync(cancellationToken);
        await first;
        return await line;
    }

    private void Print(params ReadOnlySpan<CrowdLine> lines)
    {
        var output = new OutputLines(_around.Out);
        foreach (var line in lines)
        {
            output.Add(JsonSerializer.SerializeToUtf8Bytes(line, CommandJson.Default.CrowdLine));
        }

        output.Flush();
    }
}
