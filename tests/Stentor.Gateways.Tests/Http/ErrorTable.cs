using System.Reflection;
using Stentor.Protocol;

namespace Stentor.Gateways.Tests.Http;

/// <summary>The error types of the contract, as the code has them.</summary>
internal static class ErrorTable
{
    public static IReadOnlyList<string> Types { get; } =
        [.. typeof(ErrorType).GetFields(BindingFlags.Public | BindingFlags.Static).Where(f => f.IsLiteral).Select(f => (string)f.GetRawConstantValue()!)]; // Constants are texts.
}
