using System.CommandLine;
using System.Globalization;
using Stentor.Cli.CommandLine;
using Stentor.Protocol;

namespace Stentor.Cli.Olympics;

/// <summary>Options that several processes of a scoreboard have.</summary>
internal static class OlympicsOptions
{
    private const double SecondsMax = 86_400;

    /// <summary>The scoreboard's server.</summary>
    public static Option<string> Server() => new Option<string>("--server")
    {
        Description = "The scoreboard's server. Its path is /RPC2 unless another one is given.",
        HelpName = "URL|HOST:PORT",
        DefaultValueFactory = _ => OlympicsServerCommand.Address,
    }.By(text => TryServer(text, out _) ? null : $"'{Printable.Cut(text)}' is not a server: a URL like {OlympicsServerCommand.Address}, or HOST:PORT.");

    /// <summary>Where calls to a server go.</summary>
    /// <param name="text">What was given, checked.</param>
    public static Uri ServerOf(string text) => TryServer(text, out var server) ? server : throw new System.Diagnostics.UnreachableException("It was checked.");

    /// <summary>An option that takes seconds, in fractions as well.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="description">What it does.</param>
    /// <param name="initial">The value when it is not given.</param>
    public static Option<double> Seconds(string name, string description, double initial) => new(name)
    {
        Description = description,
        HelpName = "SECONDS",
        DefaultValueFactory = _ => initial,
        CustomParser = result =>
        {
            var text = result.Tokens[0].Value;
            if (!double.TryParse(text, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var value) || value is not (>= 0.001 and <= SecondsMax))
            {
                result.AddError($"'{Printable.Cut(text)}' is not a value for {name}: seconds from 0.001 to {SecondsMax}.");
            }

            return value;
        },
    };

    /// <summary>What random choices follow from.</summary>
    public static Option<ulong?> Seed() => new("--seed")
    {
        Description = "What random choices follow from: the same seed makes the same ones. Without it one is made, and told.",
        HelpName = "N",
        CustomParser = result =>
        {
            var text = result.Tokens[0].Value;
            if (!ulong.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var value))
            {
                result.AddError($"'{Printable.Cut(text)}' is not a value for --seed: a whole number, not negative.");
            }

            return value;
        },
    };

    private static bool TryServer(string text, out Uri server)
    {
        var isUrl = text.Contains("://", StringComparison.Ordinal);
        if (!Uri.TryCreate(isUrl ? text : $"http://{text}", UriKind.Absolute, out var url) || url.Scheme is not ("http" or "https") || url.UserInfo.Length > 0 || url.Host.Length == 0)
        {
            server = new Uri(OlympicsServerCommand.Address);
            return false;
        }

        server = url.AbsolutePath == "/" ? new Uri(url, "/RPC2") : url;
        return true;
    }
}
