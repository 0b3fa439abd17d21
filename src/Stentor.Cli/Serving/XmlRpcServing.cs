using System.CommandLine;
using System.Globalization;
using Stentor.Cli.CommandLine;
using Stentor.Gateways;

namespace Stentor.Cli.Serving;

/// <summary>The options of <c>serve</c> for the scoreboard over XML-RPC.</summary>
internal sealed class XmlRpcServing
{
    private static readonly XmlRpcOptions Defaults = new();

    private readonly Option<string?> _listen = new("--xml-rpc")
    {
        Description = "Serve the scoreboard over XML-RPC: without a value under /RPC2 and / where HTTP is served, with one on a port of its own.",
        HelpName = "[HOST:]PORT",
        Arity = ArgumentArity.ZeroOrOne,
    };

    private readonly Option<string?> _secretFile;
    private readonly Option<string> _tallyFormat = CommonOptions.Choice("--tally-format", "How tallies are told over XML-RPC: as structs, or as the team and three lines of text.", "struct", "text");
    private readonly Option<string> _callbacks = CommonOptions.Choice("--xml-rpc-callbacks", "Whom the node calls back over XML-RPC: only the address that a registration came from, or any host that it names.", "caller", "any");
    private readonly Option<int> _dropAfter = CommonOptions.Number("--xml-rpc-drop-after", "Seconds for which a registered client that does not answer is tried again before it is dropped.", "SECONDS", (int)Defaults.DropAfter.TotalSeconds, 1, 86_400);
    private readonly Option<int> _tabletsMax = CommonOptions.Number("--xml-rpc-tablets-max", "Most clients that may be registered over XML-RPC.", "N", Defaults.TabletsMax, 1, 100_000);
    private readonly ScoreboardOptions _names = new();
    private readonly bool _isAlwaysOn;

    /// <summary>Makes the options.</summary>
    /// <param name="isAlwaysOn">For a command that is about the scoreboard: it is served in any case, and a writer's secret is made where none is given.</param>
    public XmlRpcServing(bool isAlwaysOn)
    {
        _isAlwaysOn = isAlwaysOn;
        _secretFile = isAlwaysOn
            ? new("--secret-file") { Description = $"The file with the writer's password, the secret of the account {XmlRpcOptions.Writer}; made when it does not exist. Without it one is made when there is no such account, and shown once.", HelpName = "FILE" }
            : new("--xml-rpc-secret-file") { Description = $"The file with the secret of the account {XmlRpcOptions.Writer}, which alone writes scores and medals: it is registered with it; made when it does not exist. Without it somebody registers the account.", HelpName = "FILE" };
    }

    /// <summary>All of them, in the order of the help.</summary>
    public IReadOnlyList<Option> Options => [_listen, _secretFile, .. _names.Options, _tallyFormat, _callbacks, _dropAfter, _tabletsMax];

    /// <summary>What was asked for.</summary>
    /// <param name="parsed">The command line.</param>
    /// <param name="around">What the command finds around it.</param>
    /// <returns>Null when the scoreboard is not to be served.</returns>
    /// <exception cref="CommandException">An option's value is wrong, or options contradict each other.</exception>
    public XmlRpcOptions? Read(ParseResult parsed, Surroundings around)
    {
        if (!_isAlwaysOn && parsed.GetResult(_listen) is not { Implicit: false })
        {
            return Options.FirstOrDefault(option => parsed.GetResult(option) is { Implicit: false }) is { } idle
                ? throw CommandException.Usage($"{idle.Name} means nothing without --xml-rpc.")
                : null;
        }

        var listen = parsed.GetValue(_listen);
        return Defaults with
        {
            Listen = ushort.TryParse(listen, NumberStyles.None, CultureInfo.InvariantCulture, out _) ? $"127.0.0.1:{listen}" : listen,
            Teams = _names.Teams(parsed, around),
            Events = _names.Events(parsed, around),
            TallyFormat = parsed.GetValue(_tallyFormat) == "text" ? TallyFormat.Text : TallyFormat.Struct,
            Callbacks = parsed.GetValue(_callbacks) == "any" ? Callbacks.Any : Callbacks.Caller,
            DropAfter = TimeSpan.FromSeconds(parsed.GetValue(_dropAfter)),
            TabletsMax = parsed.GetValue(_tabletsMax),
            WriterSecretFile = parsed.GetValue(_secretFile) is { } file ? around.PathOf(file) : null,
            MakesWriterSecret = _isAlwaysOn,
        };
    }
}
