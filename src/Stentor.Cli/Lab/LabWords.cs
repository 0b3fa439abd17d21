using Stentor.Cli.CommandLine;

namespace Stentor.Cli.Lab;

/// <summary>The words of the lab's command line and files.</summary>
internal static class LabWords
{
    /// <summary>Most clients of one combination: each may cost a connection, a listener and a port.</summary>
    public const int ClientsMax = 500;

    private static readonly (string Word, Arch Arch)[] Archs = [("push", Arch.Push), ("pull", Arch.Pull), ("mixed", Arch.Mixed)];

    private static readonly (string Word, Transport Transport)[] Transports =
        [("xml-rpc", Transport.XmlRpc), ("websocket", Transport.WebSocket), ("sse", Transport.Sse), ("http", Transport.Http)];

    /// <summary>The word of an arch.</summary>
    /// <param name="arch">The arch.</param>
    public static string Of(Arch arch) => Archs.First(pair => pair.Arch == arch).Word;

    /// <summary>The word of a transport.</summary>
    /// <param name="transport">The transport.</param>
    public static string Of(Transport transport) => Transports.First(pair => pair.Transport == transport).Word;

    /// <summary>Reads archs with commas between, each once.</summary>
    /// <param name="text">What was given.</param>
    /// <param name="fault">What is wrong; null when nothing is.</param>
    public static IReadOnlyList<Arch> ReadArchs(string text, out string? fault) => Read(text, "an arch", Archs, out fault);

    /// <summary>Reads transports with commas between, each once.</summary>
    /// <param name="text">What was given.</param>
    /// <param name="fault">What is wrong; null when nothing is.</param>
    public static IReadOnlyList<Transport> ReadTransports(string text, out string? fault) => Read(text, "a transport", Transports, out fault);

    /// <summary>Reads numbers of clients with commas between, each once, and sorts them.</summary>
    /// <param name="text">What was given.</param>
    /// <param name="fault">What is wrong; null when nothing is.</param>
    public static IReadOnlyList<int> ReadClients(string text, out string? fault)
    {
        var numbers = new SortedSet<int>();
        foreach (var part in Parts(text))
        {
            if (!int.TryParse(part, System.Globalization.NumberStyles.None, null, out var number) || number is < 1 or > ClientsMax)
            {
                fault = $"'{part}' is not a number of clients: whole numbers from 1 to {ClientsMax} with commas between, like 1,10,50.";
                return [];
            }

            numbers.Add(number);
        }

        fault = null;
        return [.. numbers];
    }

    private static IReadOnlyList<T> Read<T>(string text, string what, (string Word, T Value)[] known, out string? fault)
    {
        var values = new List<T>();
        foreach (var part in Parts(text))
        {
            if (known.Where(pair => pair.Word == part).Select(pair => (T?)pair.Value).ToList() is not [var value])
            {
                var words = known.Select(pair => pair.Word).ToList();
                fault = $"'{part}' is not {what}{Nearest.Suggestion(part, words, $"There are {string.Join(", ", words)}.")}";
                return [];
            }

            if (!values.Contains(value!)) // One that was found.
            {
                values.Add(value!);
            }
        }

        fault = null;
        return values;
    }

    private static string[] Parts(string text) => text.Split(',', StringSplitOptions.TrimEntries);
}
